"""Rules that decide after which errors a request is sent again."""

from __future__ import annotations

from airflow_provider_polytomic.exceptions import PolytomicApiError, PolytomicConnectionError, PolytomicError

__all__ = ["never_retry", "should_retry_creation", "should_retry_idempotent", "should_retry_post"]


def should_retry_idempotent(error: PolytomicError) -> bool:
    """Return whether to repeat a GET, PUT or DELETE: after a lost connection, 408, 429 and every 5xx.

    None of them has another effect when it is applied twice, and none carries an Idempotency-Key, under which Polytomic
    would replay a 500.
    """
    return _is_lost(error) or _status(error) in (408, 429) or _status(error) >= 500  # noqa: PLR2004 (an HTTP status)


def should_retry_post(error: PolytomicError) -> bool:
    """Return whether to repeat a POST with the same Idempotency-Key.

    A 500 is not repeated: Polytomic may have recorded it under that key (guides/idempotent-requests), and the caller
    decides what to do.
    """
    return _is_lost(error) or _status(error) in (408, 409, 429, 502, 503, 504)


def should_retry_creation(error: PolytomicError) -> bool:
    """Return whether to repeat a POST that creates an object with a unique name.

    Like :func:`should_retry_post`, except for 409, which can mean "in flight" or "taken". To find out, the caller must
    read which objects exist.
    """
    return should_retry_post(error) and _status(error) != 409  # noqa: PLR2004 (an HTTP status)


def never_retry(_error: PolytomicError) -> bool:
    """Return False."""
    return False


def _is_lost(error: PolytomicError) -> bool:
    return isinstance(error, PolytomicConnectionError)


def _status(error: PolytomicError) -> int:
    return error.status if isinstance(error, PolytomicApiError) else 0
