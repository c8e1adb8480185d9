"""How many processes were killed? Counted by the tests, told by the summary."""

from __future__ import annotations

__all__ = ["KILLED"]

KILLED: dict[str, int] = {}
