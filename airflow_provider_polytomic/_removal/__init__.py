"""Deletion of a stored key and of its record."""
