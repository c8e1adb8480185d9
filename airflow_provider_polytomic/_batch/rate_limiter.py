"""Rate limiter for the start of targets, and the signal that stops a rotation.

Only starts are delayed. The old key of a target in progress may be revoked already, so nothing here delays such a
target.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TICK", "RateLimiter", "StopSignal"]

# Seconds to pause after a 429 without Retry-After; the first wait of the hook's backoff is shorter.
_MIN_PAUSE = 1.0
# After a longer pause, a retry or the next run does the same work without occupying a worker slot.
_MAX_PAUSE = 900.0
# Seconds between two checks of the stop signal.
TICK = 0.1
# Maximum extension of a pause, as a fraction: several shards receive a 429 at the same moment.
_SPREAD = 0.1


class RateLimiter:
    """Limiter for the rate at which targets are started.

    The thread that starts targets calls ``delay`` and ``record_start``; any thread can call ``pause``.

    :param per_second: targets started per second, on average; None for no limit.
    :param clock: returns seconds; never decreases.
    :param jitter: returns a random number in [0, 1).
    """

    def __init__(
        self,
        per_second: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._interval = 1.0 / per_second if per_second else 0.0
        self._clock, self._jitter = clock, jitter
        self._next = self._paused_until = clock()
        self._lock = threading.Lock()

    @property
    def delay(self) -> float:
        """Seconds until the next target can be started; 0 for now."""
        return max(0.0, max(self._next, self._paused_until) - self._clock())

    @property
    def pause_left(self) -> float:
        """Seconds that are left of a pause; 0 without a pause."""
        return max(0.0, self._paused_until - self._clock())

    def record_start(self) -> None:
        """Record that a target was started. Unused capacity does not accumulate, because that would allow a burst."""
        self._next = max(self._next, self._clock()) + self._interval * (0.5 + self._jitter())

    def pause(self, seconds: float) -> None:
        """Delay all starts after a 429 that any thread received; the longest pause applies.

        :param seconds: value of ``Retry-After``; 0 if the response has none. The pause lasts at most 15 minutes; the
            next request can then receive another 429.
        """
        until = self._clock() + min(max(seconds, _MIN_PAUSE), _MAX_PAUSE) * (1 + _SPREAD * self._jitter())
        with self._lock:
            self._paused_until = max(self._paused_until, until)


class StopSignal:
    """Signal that a rotation stops early; it wakes the threads that sleep on it.

    It is no ``threading.Event``: Airflow's signal handlers run in the main thread between any two lines, also inside
    the event's own methods, and would then wait for its lock for ever.

    :param is_requested: returns whether Airflow stops the task.
    """

    def __init__(self, is_requested: Callable[[], bool] = lambda: False) -> None:
        self._is_requested, self._is_set = is_requested, False

    def __call__(self) -> bool:
        """Return whether the rotation stops."""
        return self._is_set or self._is_requested()

    def set(self) -> None:
        """Stop the rotation."""
        self._is_set = True

    def sleep(self, seconds: float) -> None:
        """Sleep for this time, or until the rotation stops."""
        until = time.monotonic() + seconds
        while not self() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, TICK))
