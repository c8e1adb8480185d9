"""Measurements of what this package costs: ``python -m benchmarks`` takes them and writes a page."""
