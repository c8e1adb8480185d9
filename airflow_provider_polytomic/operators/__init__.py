"""Operators of this provider; one module for each kind of object in Polytomic."""
