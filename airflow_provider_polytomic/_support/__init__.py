"""Helpers without a subject of their own: ids, base URLs, tracebacks."""
