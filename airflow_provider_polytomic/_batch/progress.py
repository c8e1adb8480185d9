"""Progress of a rotation: a line in the task's log at intervals, and a bar in a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_polytomic._batch.report import Status

__all__ = ["ProgressLog", "as_line"]

_EVERY_SECONDS = 10.0
_EVERY_SHARE = 0.05
_MIN_INTERVAL = 1.0  # seconds between two lines
_MINUTE, _HOUR = 60, 3600


class ProgressLog:
    """Progress that is logged every 10 seconds or every 5 % of the targets, at most once per second.

    One thread uses it.

    :param total: number of targets.
    :param write: writes a line to the log.
    :param clock: returns seconds; never decreases.
    :param stream: where a bar is drawn if it is a terminal. In a task that Airflow supervises, it is none: 3.x gives
        the task's process a socket, and 2.11 redirects the stream to the log.
    """

    def __init__(
        self,
        total: int,
        write: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        self._total, self._write, self._clock = total, write, clock
        self._began = self._written_at = clock()
        self._written_done = 0
        self._bar = _Bar(total, stream or sys.stderr)

    def update(self, counts: Mapping[Status, int], *, paused: float = 0.0) -> None:
        """Log the progress if it is time to.

        :param counts: number of targets by status.
        :param paused: seconds that are left of a pause.
        """
        done, now = _done(counts), self._clock()
        self._bar.move_to(done)
        elapsed = now - self._written_at
        has_share = done - self._written_done >= max(1.0, self._total * _EVERY_SHARE)
        if elapsed < _MIN_INTERVAL or not (has_share or elapsed >= _EVERY_SECONDS):
            return
        self._write_line(counts, paused)
        self._written_at, self._written_done = now, done

    def finish(self, counts: Mapping[Status, int]) -> None:
        """Log the result, and close the bar."""
        self._bar.move_to(_done(counts))
        self._bar.close()
        self._write_line(counts, 0.0)

    def _write_line(self, counts: Mapping[Status, int], paused: float) -> None:
        self._write(as_line(counts, self._total, self._clock() - self._began, paused))


def as_line(counts: Mapping[Status, int], total: int, seconds: float, paused: float = 0.0) -> str:
    """Return ``1,200 of 10,000 targets (12 %): 1,150 rotated, 40 kept, 10 failed; 38.2 per second, 3 min 50 s left``.

    :param seconds: time since the start.
    """
    done = _done(counts)
    by_status = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in counts.items()) or "none yet"
    rate = done / seconds if seconds > 0 else 0.0
    upcoming = total - sum(counts.values())
    left = f", {_duration(upcoming / rate)} left" if rate and upcoming else ""
    if paused:
        left = f", paused for {_duration(paused)} more (429)"
    share = 100 * done // total if total else 100
    return f"{done:,} of {total:,} targets ({share} %): {by_status}; {rate:.1f} per second{left}"


def _done(counts: Mapping[Status, int]) -> int:
    """Return how many targets are done; those that were not started are not."""
    return sum(count for status, count in counts.items() if status != "not_started")


def _duration(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


class _Bar:
    """Progress bar of rich in a terminal; nothing elsewhere."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._progress: Any = None
        if not stream.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        # move_to draws it, without another thread; other output to the terminal is not redirected.
        self._progress = Progress(
            TextColumn("targets"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(file=stream), auto_refresh=False, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._task = self._progress.add_task("targets", total=total)
        self._progress.start()

    def move_to(self, done: int) -> None:
        if self._progress is not None and done != self._progress.tasks[0].completed:
            self._progress.update(self._task, completed=done, refresh=True)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
