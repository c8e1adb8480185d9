"""The servers of the stores, for tests: stand-ins that are as strict as the real ones, over HTTP."""
