"""How many threads one task may have."""

from __future__ import annotations

__all__ = ["MAX_THREADS"]

# The clients of Vault and AWS keep as many connections open.
MAX_THREADS = 32
