"""What the tests count, such as kills and worlds: told at the end, also where pytest's workers have counted."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["count", "pytest_runtest_makereport", "pytest_terminal_summary"]

_TALLY = "tally"
_counted: defaultdict[tuple[str, str], float] = defaultdict(float)


def count(what: str, where: str = "", number: float = 1) -> None:
    """Add to what the summary tells.

    :param what: what is counted: one line of the summary.
    :param where: the store, the fault or whatever else the line is made up of.
    """
    _counted[what, where] += number


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have the report carry it to the process that prints the summary."""
    report = yield
    report.user_properties += [(_TALLY, (*line, number)) for line, number in _counted.items()]
    _counted.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell it all."""
    counts: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == _TALLY:
                    what, where, number = value
                    counts[what][where] += number
    if counts:
        terminalreporter.section("what was counted")
    for what, places in counts.items():
        alike: defaultdict[float, list[str]] = defaultdict(list)
        for where, number in places.items():
            alike[number].append(where)
        parts = "; ".join(f"{number:,g} {', '.join(filter(None, where))}" for number, where in alike.items())
        terminalreporter.write_line(f"{sum(places.values()):11,.10g} {what}" + (f" ({parts})" if any(places) else ""))
