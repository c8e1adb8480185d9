"""Organizations and users: created at most once, changed, and deleted."""
