"""What does this package cost, next to doing without it? ``python -m benchmarks`` measures it and writes a page."""
