"""Helpers for all other folders: base URLs, clock, ids, retries, text and tracebacks."""
