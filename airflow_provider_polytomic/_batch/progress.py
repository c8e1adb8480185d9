"""How far is a fleet's rotation? A line in the task's log now and then, and a bar where somebody watches a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_polytomic._batch.report import Status

__all__ = ["Progress", "as_line"]

_EVERY_SECONDS = 10.0
_EVERY_SHARE = 0.05
_MIN_LENGTH = 1.0  # seconds between two lines, however fast it goes
_MINUTE, _HOUR = 60, 3600


class Progress:
    """Tells every 10 seconds, or 5 % of the targets if that is sooner, but never twice within a second.

    Used by one thread.

    :param total: how many targets there are.
    :param tell: prints a line.
    :param clock: seconds, never going back.
    :param stream: where a bar is drawn if it is a terminal. In a task that Airflow supervises it is none: 3.x gives the
        task's process a socket, 2.11 redirects it to the log.
    """

    def __init__(
        self,
        total: int,
        tell: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        self._total, self._tell, self._clock = total, tell, clock
        self._began = self._told_at = clock()
        self._told = 0
        self._bar = _Bar(total, stream or sys.stderr)

    def update(self, counts: Mapping[Status, int], *, paused: float = 0.0) -> None:
        """Tell how far it is, if it is time for that.

        :param counts: how many targets have come to which end: rotated, kept, due, failed.
        :param paused: for how many seconds more nothing is started.
        """
        done, now = _done(counts), self._clock()
        self._bar.move_to(done)
        since = now - self._told_at
        far = done - self._told >= max(1.0, self._total * _EVERY_SHARE)
        if since < _MIN_LENGTH or not (far or since >= _EVERY_SECONDS):
            return
        self._say(counts, paused)
        self._told_at, self._told = now, done

    def finish(self, counts: Mapping[Status, int]) -> None:
        """Tell how it ended."""
        self._bar.move_to(_done(counts))
        self._bar.close()
        self._say(counts, 0.0)

    def _say(self, counts: Mapping[Status, int], paused: float) -> None:
        self._tell(as_line(counts, self._total, self._clock() - self._began, paused))


def as_line(counts: Mapping[Status, int], total: int, seconds: float, paused: float = 0.0) -> str:
    """Return ``1,200 of 10,000 targets (12 %): 1,150 rotated, 40 kept, 10 failed; 38.2 per second, 3 min 50 s left``.

    :param seconds: since it began.
    """
    done = _done(counts)
    told = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in counts.items()) or "none yet"
    rate = done / seconds if seconds > 0 else 0.0
    upcoming = total - sum(counts.values())
    left = f", {_length(upcoming / rate)} left" if rate and upcoming else ""
    pause = f"; paused for {_length(paused)} more, as Polytomic asks" if paused else ""
    share = 100 * done // total if total else 100
    return f"{done:,} of {total:,} targets ({share} %): {told}; {rate:.1f} per second{left}{pause}"


def _done(counts: Mapping[Status, int]) -> int:
    """Return how many have come to an end; what was not started has not."""
    return sum(count for status, count in counts.items() if status != "not_started")


def _length(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


class _Bar:
    """A bar of rich's where there is a terminal to draw it in, else nothing."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._drawn: Any = None
        if not stream.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        # Drawn by move_to, without a thread of its own; what others print goes its own way.
        self._drawn = Progress(
            TextColumn("targets"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(file=stream), auto_refresh=False, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._task = self._drawn.add_task("targets", total=total)
        self._drawn.start()

    def move_to(self, done: int) -> None:
        if self._drawn is not None and done != self._drawn.tasks[0].completed:
            self._drawn.update(self._task, completed=done, refresh=True)

    def close(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()
            self._drawn = None
