"""When may the next target of a fleet be started? At a rate, spread by chance, and not while Polytomic wants a pause.

Only starts wait. A target that was started has perhaps had its key revoked already, so nothing here holds it up.
What makes them wait for nothing any more is here, too.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RateLimiter", "StopSignal"]

# Seconds, after a 429 that names none; the first wait of the hook's own backoff is shorter.
_MIN_PAUSE = 1.0
# A longer one would hold the task, and its slot, for what a retry or the next run does as well.
_MAX_PAUSE = 900.0
# Seconds between two looks at whether it is time to stop.
_TICK = 0.1
# The part of a pause by which it is longer, at most: several shards were sent away at the same moment.
_SPREAD = 0.1


class RateLimiter:
    """The gate before each start.

    ``wait`` and ``started`` are called by the one thread that starts targets, ``pause`` by any.

    :param per_second: targets started per second, on average; None for as many as there are threads for.
    :param clock: seconds, never going back.
    :param jitter: a random number in [0, 1).
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

    def wait(self) -> float:
        """Return the seconds until the next target may be started; 0 for now."""
        return max(0.0, max(self._next, self._paused_until) - self._clock())

    def started(self) -> None:
        """Count a start. What was not used of the rate is not made up for later: that would be a burst."""
        self._next = max(self._next, self._clock()) + self._interval * (0.5 + self._jitter())

    def pause(self, seconds: float) -> None:
        """Start nothing for so long, as Polytomic said to a request of any thread; the longest pause counts.

        :param seconds: what ``Retry-After`` asks for; 0 where a 429 came without it. At most 15 minutes are waited; the
            next target may then be told the same.
        """
        until = self._clock() + min(max(seconds, _MIN_PAUSE), _MAX_PAUSE) * (1 + _SPREAD * self._jitter())
        with self._lock:
            self._paused_until = max(self._paused_until, until)

    @property
    def paused(self) -> float:
        """Seconds that are left of a pause."""
        return max(0.0, self._paused_until - self._clock())


class StopSignal:
    """Whether the rotation is to end early; whoever waits by it wakes up then.

    No ``threading.Event``: Airflow's signal handlers run in the main thread between any two lines, also within those of
    an event, whose lock they would then wait for for ever.

    :param asked: whether Airflow wants the task to end.
    """

    def __init__(self, asked: Callable[[], bool] = lambda: False) -> None:
        self._asked, self._now = asked, False

    def __call__(self) -> bool:
        """Tell whether it is to end."""
        return self._now or self._asked()

    def now(self) -> None:
        """Have it end."""
        self._now = True

    def sleep(self, seconds: float) -> None:
        """Wait so long, or until it is to end."""
        until = time.monotonic() + seconds
        while not self() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _TICK))
