"""What has been proven, how often and where? Counted by the proofs, told by the summary."""

from __future__ import annotations

__all__ = ["COUNTS", "count"]

COUNTS: dict[str, dict[str, float]] = {}


def count(what: str, where: str, number: float = 1) -> None:
    """Add to what the summary tells.

    :param what: the proof, and what of it is counted: one line of the summary.
    :param where: the store, Airflow's version or whatever else the line is made up of.
    """
    counted = COUNTS.setdefault(what, {})
    counted[where] = counted.get(where, 0) + number
