"""Which tasks does this package offer? One module for each kind of thing in Polytomic."""
