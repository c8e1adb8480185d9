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
    """Summary of a series.

    :param count: the number of measurements.
    :param median: the median.
    :param low: the first quartile.
    :param high: the third quartile.
    :param p99: the 99th percentile; with fewer than 100 measurements, the maximum.
    """

    count: int
    median: float
    low: float
    high: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float], digits: int = 6) -> Figures:
        """Return the summary of a series of at least one value."""
        ordered = sorted(values)
        low = high = ordered[0]
        if len(ordered) >= QUARTILES_NEED:
            low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
        slowest = ordered[math.ceil(0.99 * len(ordered)) - 1]
        rounded = (round(value, digits) for value in (statistics.median(ordered), low, high, slowest))
        return cls(len(ordered), *rounded)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON types."""
        return asdict(self)


def quotient(ours: float, theirs: float) -> float:
    """Return the ratio of two figures, rounded to three decimal places."""
    return round(ours / theirs, 3)
