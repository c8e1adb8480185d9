"""Summary of a series of measurements: median, spread and slow end."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Figures", "quotient"]

QUARTILES_NEED = 2


@dataclass(frozen=True)
class Figures:
    """A series, summed up.

    :param count: how many were measured.
    :param median: the middle one.
    :param low: the first quartile.
    :param high: the third quartile.
    :param p99: 99 of 100 were at most this; with fewer than 100 measured it is the greatest.
    """

    count: int
    median: float
    low: float
    high: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float], digits: int = 6) -> Figures:
        """Sum up a series of at least one."""
        ordered = sorted(values)
        low = high = ordered[0]
        if len(ordered) >= QUARTILES_NEED:
            low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
        slowest = ordered[math.ceil(0.99 * len(ordered)) - 1]
        told = (round(value, digits) for value in (statistics.median(ordered), low, high, slowest))
        return cls(len(ordered), *told)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


def quotient(ours: float, theirs: float) -> float:
    """Return how many times theirs ours is, to three digits behind the point."""
    return round(ours / theirs, 3)
