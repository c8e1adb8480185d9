"""Rotation of many keys in one task: read the targets, rotate each key, and report every result."""
