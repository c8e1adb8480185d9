"""The source of time and chance, passed in so that tests are exact."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock"]


@dataclass(frozen=True)
class Clock:
    """The source of time and chance.

    :param monotonic: seconds from an arbitrary start; never goes back.
    :param now: seconds since 1970, to read dates with.
    :param sleep: waits so many seconds.
    :param jitter: a random number in [0, 1).
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def pause(self, tries: int) -> None:
        """Wait longer the more tries there were: up to 0.25, 0.5, 1, 2 ... seconds, at least half of that."""
        self.sleep(0.25 * 2**tries * (1 + self.jitter()) / 2)
