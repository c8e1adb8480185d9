"""Bounds of a fleet's rotation: numbers, or the strings that a template renders them to; None is the default."""

from __future__ import annotations

import math

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = ["MOST_WORKERS", "to_limit", "to_rate", "to_workers", "whole_number"]

# As many connections stay open to Vault and AWS.
MOST_WORKERS = 32
_WORKERS = 8
_FAILURES = 10
_DIGITS = 9


def to_workers(value: object) -> int:
    """Read ``max_workers``; by default 8.

    :raises PolytomicConfigurationError: if it is none of 1 to 32.
    """
    workers = _WORKERS if _is_nothing(value) else whole_number(value)
    if workers is None or not 1 <= workers <= MOST_WORKERS:
        raise PolytomicConfigurationError(
            f"max_workers must be a whole number from 1 to {MOST_WORKERS}, not {value!r:.80}.",
            "For more, use shards.",
            fields=["max_workers"],
        )
    return workers


def to_limit(value: object) -> int:
    """Read ``max_failures``; by default 10.

    :raises PolytomicConfigurationError: if it is no whole number above 0.
    """
    limit = _FAILURES if _is_nothing(value) else whole_number(value)
    if not limit:
        raise PolytomicConfigurationError(
            f"max_failures must be a whole number from 1, not {value!r:.80}.", fields=["max_failures"]
        )
    return limit


def to_rate(value: object) -> float | None:
    """Read ``max_per_second``; None: no limit.

    :raises PolytomicConfigurationError: if it is no number above 0.
    """
    if _is_nothing(value):
        return None
    try:
        rate = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        rate = math.nan
    if not 0 < rate < math.inf:
        raise PolytomicConfigurationError(
            f"max_per_second must be a number above 0, or None, not {value!r:.80}.", fields=["max_per_second"]
        )
    return rate


def whole_number(value: object) -> int | None:
    """Read a number from 0, or its digits; None where it is none."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in {"", "None"})
