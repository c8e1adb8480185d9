"""Fakes of the servers behind the stores, over HTTP and as strict as the real ones."""
