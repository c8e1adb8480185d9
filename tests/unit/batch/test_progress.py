"""Progress of a rotation in the log and in a terminal."""

from __future__ import annotations

import io
import os
import pty
from itertools import pairwise

import pytest

from airflow_provider_polytomic._batch.progress import ProgressLog, as_line


class Watched:
    """A rotation with its clock and the lines that were logged."""

    def __init__(self, total: int) -> None:
        self.now = 0.0
        self.lines: list[tuple[float, str]] = []
        self.progress = ProgressLog(total, self._write, clock=lambda: self.now, stream=io.StringIO())

    def _write(self, line: str) -> None:
        self.lines.append((round(self.now, 3), line))

    def run(self, total: int, *, seconds: float, step: float = 0.125) -> list[float]:
        """Advance evenly to the end in steps, and return the times of the lines."""
        while self.now < seconds:
            self.now += step
            self.progress.update({"rotated": min(total, int(total * self.now / seconds))})
        return [at for at, _ in self.lines]


def test_a_slow_rotation_is_logged_every_ten_seconds():
    times = Watched(100_000).run(100_000, seconds=3600, step=0.5)
    assert times[:3] == [10.0, 20.0, 30.0]
    assert {round(b - a, 3) for a, b in pairwise(times)} == {10.0}


def test_a_faster_rotation_is_logged_every_five_per_cent():
    times = Watched(1000).run(1000, seconds=100)
    assert len(times) == pytest.approx(20, abs=1)


def test_a_very_fast_rotation_is_logged_once_a_second():
    times = Watched(1000).run(1000, seconds=5)
    assert 4 <= len(times) <= 5
    assert min(b - a for a, b in pairwise(times)) >= 1.0


def test_a_line_is_logged_even_if_nothing_is_done():
    watched = Watched(10)
    for second in range(1, 31):
        watched.now = second
        watched.progress.update({}, paused=30.0 - second)
    assert [at for at, _ in watched.lines] == [10, 20, 30]
    assert "0 of 10 targets (0 %)" in watched.lines[0][1]
    assert "paused for 20 s more" in watched.lines[0][1]


def test_the_end_is_always_logged():
    watched = Watched(3)
    watched.now = 2.0
    watched.progress.finish({"rotated": 2, "failed": 1})
    assert watched.lines == [(2.0, "3 of 3 targets (100 %): 2 rotated, 1 failed; 1.5 per second")]


@pytest.mark.parametrize(
    ("counts", "total", "seconds", "paused", "line"),
    [
        (
            {"rotated": 1150, "kept": 40, "failed": 10},
            10_000,
            30.0,
            0.0,
            "1,200 of 10,000 targets (12 %): 1,150 rotated, 40 kept, 10 failed; 40.0 per second, 3 min 40 s left",
        ),
        ({"due": 1}, 7200, 1.0, 0.0, "1 of 7,200 targets (0 %): 1 due; 1.0 per second, 1 h 59 min left"),
        ({}, 5, 0.0, 0.0, "0 of 5 targets (0 %): none yet; 0.0 per second"),
        ({}, 0, 1.0, 0.0, "0 of 0 targets (100 %): none yet; 0.0 per second"),
        (
            {"rotated": 5, "not_started": 5},
            10,
            5.0,
            0.0,
            "5 of 10 targets (50 %): 5 rotated, 5 not started; 1.0 per second",
        ),
    ],
)
def test_a_line_says_how_far_how_it_went_how_fast_and_how_long(counts, total, seconds, paused, line):
    assert as_line(counts, total, seconds, paused) == line


def test_a_terminal_gets_a_bar_and_anything_else_none():
    master, slave = pty.openpty()
    terminal, file = os.fdopen(slave, "w"), io.StringIO()
    for stream in (terminal, file):
        progress = ProgressLog(4, lambda _line: None, stream=stream)
        progress.update({"rotated": 1})
        progress.finish({"rotated": 4})
    terminal.flush()
    shown = b""
    while b"4/4" not in shown:  # the system passes on what was written in pieces
        shown += os.read(master, 1 << 16)
    assert b"targets" in shown
    assert file.getvalue() == ""
    terminal.close()
    os.close(master)
