"""When is a request sent again? The one retry policy of this package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import (
    PolytomicApiError,
    PolytomicConnectionError,
    PolytomicError,
    PolytomicRateLimitedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RetryPolicy", "never", "repeat_creation", "repeat_post", "repeat_safely"]

T = TypeVar("T")

_FIRST_WAIT = 0.5  # seconds
_MAX_WAIT = 8.0  # seconds, of the backoff; what the server asks for is added
_MIN_ATTEMPT = 1.0  # seconds; an attempt with less left is not worth a request


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter, ``Retry-After`` honoured, and all of it within one bound.

    :param retry_for: seconds that one call may take, its waits included.
    :param stopping: once true, nothing is repeated any more, also not what waits for its repetition.
    :param tell: gets the error and the seconds until the next attempt.
    :param rate_limited: gets the seconds that a 429 asks to wait, 0 where it does not say; of each, repeated or not.
    """

    retry_for: float
    tell: Callable[[PolytomicError, float], None] = lambda _error, _seconds: None
    stopping: Callable[[], bool] = lambda: False
    rate_limited: Callable[[float], None] = lambda _seconds: None
    clock: Clock = field(default_factory=Clock)

    def call(
        self, attempt: Callable[[float], T], repeat: Callable[[PolytomicError], bool], patience: float | None = None
    ) -> T:
        """Attempt until it succeeds, the error is not one to repeat, or the time does not suffice for another attempt.

        :param attempt: gets the seconds that are left for it.
        :param repeat: whether an attempt that raised this may be repeated.
        :param patience: seconds that this call may take, if fewer than ``retry_for``.
        :raises PolytomicError: what the last attempt raised.
        """
        monotonic = self.clock.monotonic
        deadline = monotonic() + min(self.retry_for, self.retry_for if patience is None else patience)
        failures = 0
        while True:
            try:
                return attempt(max(_MIN_ATTEMPT, deadline - monotonic()))
            except PolytomicError as error:
                if isinstance(error, PolytomicRateLimitedError):
                    self.rate_limited(error.retry_after or 0.0)
                if not repeat(error) or self.stopping():
                    raise
                seconds = self._wait(error, failures)
                if monotonic() + seconds > deadline - _MIN_ATTEMPT:
                    raise
                failed = error
            # Outside the except block, as what interrupts the wait is not to carry the error along.
            self.tell(failed, seconds)
            self.clock.sleep(seconds)
            if self.stopping():
                raise failed
            failures += 1

    def _wait(self, error: PolytomicError, failures: int) -> float:
        # Never shorter than asked for, and spread: many mapped tasks may have been sent away at the same moment.
        backoff = min(_MAX_WAIT, _FIRST_WAIT * 2.0 ** min(failures, 10))
        asked = error.retry_after if isinstance(error, PolytomicApiError) else None
        return (asked or 0.0) + backoff * (1 + self.clock.jitter()) / 2


def repeat_safely(error: PolytomicError) -> bool:
    """Whether a GET, PUT or DELETE that raised this is repeated: lost connection, timeout, 408, 429, every 5xx.

    None of ours adds anything by being applied twice, and none carries an Idempotency-Key under which a 500 would stay.
    """
    return _is_lost(error) or _status(error) in (408, 429) or _status(error) >= 500  # noqa: PLR2004 (an HTTP status)


def repeat_post(error: PolytomicError) -> bool:
    """Whether a POST that raised this is repeated, with the same Idempotency-Key.

    Not after a 500: under an Idempotency-Key it may be a recorded one (guides/idempotent-requests), and who sent it
    decides what to do.
    """
    return _is_lost(error) or _status(error) in (408, 409, 429, 502, 503, 504)


def repeat_creation(error: PolytomicError) -> bool:
    """Whether a POST of something whose name is unique is repeated: as :func:`repeat_post`, but for a 409.

    It can mean "in flight" or "taken", and only who looks at what exists can tell.
    """
    return repeat_post(error) and _status(error) != 409  # noqa: PLR2004 (an HTTP status)


def never(_error: PolytomicError) -> bool:
    """Repeat nothing."""
    return False


def _is_lost(error: PolytomicError) -> bool:
    return isinstance(error, PolytomicConnectionError)


def _status(error: PolytomicError) -> int:
    return error.status if isinstance(error, PolytomicApiError) else 0
