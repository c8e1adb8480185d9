"""Exponential backoff for one call to Polytomic, within a limit of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import PolytomicApiError, PolytomicError, PolytomicRateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RetryPolicy"]

T = TypeVar("T")

_FIRST_WAIT = 0.5  # seconds
_MAX_WAIT = 8.0  # seconds of backoff; the server's Retry-After is added
_MIN_ATTEMPT = 1.0  # seconds; with less left, no attempt is started


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter that honours ``Retry-After``.

    :param retry_for: seconds that one call may take, waits included.
    :param on_retry: called before each wait, with the error and the seconds until the next attempt.
    :param stopping: returns true once nothing may be retried; a waiting call is not retried either.
    :param on_rate_limited: called for each 429, retried or not, with the seconds of its ``Retry-After``, or 0.
    """

    retry_for: float
    on_retry: Callable[[PolytomicError, float], None] = lambda _error, _seconds: None
    stopping: Callable[[], bool] = lambda: False
    on_rate_limited: Callable[[float], None] = lambda _seconds: None
    clock: Clock = field(default_factory=Clock)

    def call(
        self,
        attempt: Callable[[float], T],
        should_retry: Callable[[PolytomicError], bool],
        retry_for: float | None = None,
    ) -> T:
        """Attempt until one succeeds, one fails for good, or too little time is left for another.

        :param attempt: receives the seconds that are left for it.
        :param should_retry: returns whether an attempt that raised this error may be repeated.
        :param retry_for: seconds that this call may take, if fewer than the policy's.
        :raises PolytomicError: the error of the last attempt.
        """
        monotonic = self.clock.monotonic
        deadline = monotonic() + min(self.retry_for, self.retry_for if retry_for is None else retry_for)
        failures = 0
        while True:
            try:
                return attempt(max(_MIN_ATTEMPT, deadline - monotonic()))
            except PolytomicError as error:
                if isinstance(error, PolytomicRateLimitedError):
                    self.on_rate_limited(error.retry_after or 0.0)
                if not should_retry(error) or self.stopping():
                    raise
                seconds = self._wait_after(error, failures)
                if monotonic() + seconds > deadline - _MIN_ATTEMPT:
                    raise
                last_error = error
            # Outside the except block, so that an exception that interrupts the wait does not carry the error along.
            self.on_retry(last_error, seconds)
            self.clock.sleep(seconds)
            if self.stopping():
                raise last_error
            failures += 1

    def _wait_after(self, error: PolytomicError, failures: int) -> float:
        # At least Retry-After, plus jitter: many mapped tasks may have been rejected at the same moment.
        backoff = min(_MAX_WAIT, _FIRST_WAIT * 2.0 ** min(failures, 10))
        retry_after = error.retry_after if isinstance(error, PolytomicApiError) else None
        return (retry_after or 0.0) + backoff * (1 + self.clock.jitter()) / 2
