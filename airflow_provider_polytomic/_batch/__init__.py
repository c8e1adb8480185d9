"""How are many keys rotated in one task? Read the targets, rotate each, and report on all of them."""
