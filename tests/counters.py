"""Counters of the tests, such as kills and states, which are printed at the end of a run, even of a parallel one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["count", "pytest_runtest_makereport", "pytest_terminal_summary"]

_PROPERTY = "counter"
_counted: defaultdict[tuple[str, str], float] = defaultdict(float)


def count(what: str, where: str = "", number: float = 1) -> None:
    """Add to a counter of the summary.

    :param what: the name of the counter: a line of the summary.
    :param where: the part of that line, such as the store or the fault.
    """
    _counted[what, where] += number


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the counters to the report, which reaches the process that prints the summary."""
    report = yield
    report.user_properties += [(_PROPERTY, (*line, number)) for line, number in _counted.items()]
    _counted.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums."""
    counts: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == _PROPERTY:
                    what, where, number = value
                    counts[what][where] += number
    if counts:
        terminalreporter.section("counters")
    for what, parts in counts.items():
        alike: defaultdict[float, list[str]] = defaultdict(list)
        for where, number in parts.items():
            alike[number].append(where)
        details = "; ".join(f"{number:,g} {', '.join(filter(None, where))}" for number, where in alike.items())
        terminalreporter.write_line(f"{sum(parts.values()):11,.10g} {what}" + (f" ({details})" if any(parts) else ""))
