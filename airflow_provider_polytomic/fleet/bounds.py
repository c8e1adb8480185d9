"""What may the bounds of a fleet's rotation be? Numbers, or what a template renders to: texts of them."""

from __future__ import annotations

import math

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = ["MOST_WORKERS", "to_limit", "to_rate", "to_workers"]

# As many connections stay open to Vault and AWS.
MOST_WORKERS = 32


def to_workers(value: object) -> int:
    """Read ``max_workers``.

    :raises PolytomicConfigurationError: if it is none of 1 to 32.
    """
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise PolytomicConfigurationError(
            f"max_workers must be a whole number from 1 to {MOST_WORKERS}, not {value!r:.80}.", "For more, use shards."
        )
    return int(text)


def to_rate(value: object) -> float | None:
    """Read ``max_per_second``; None: no limit.

    :raises PolytomicConfigurationError: if it is no number above 0.
    """
    rate = _to_number(value)
    if rate is not None and not 0 < rate < math.inf:
        raise PolytomicConfigurationError(f"max_per_second must be a number above 0, or None, not {value!r:.80}.")
    return rate


def to_limit(value: object) -> float | None:
    """Read ``max_failures``: a count, or a share below 1; None: no limit.

    :raises PolytomicConfigurationError: if it is neither.
    """
    limit = _to_number(value)
    if limit is not None and not (0 < limit < 1 or (limit >= 1 and limit.is_integer())):
        raise PolytomicConfigurationError(
            f"max_failures must be a whole number from 1, a share above 0 and below 1, or None, not {value!r:.80}."
        )
    return limit


def _to_number(value: object) -> float | None:
    """Read a number: None where that, or nothing, is given, and not-a-number where there is none."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return None
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan
