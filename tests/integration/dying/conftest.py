"""Which Airflow do these tests look at? A real one, parts of which were killed, and which is gone by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.dying.flight import Flight, fly
from tests.integration.dying.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path

COUNTS: dict[str, int] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was killed, and what came of it."""
    if COUNTS:
        terminalreporter.section("parts of a real Airflow that were killed in the outage window of a rotation")
        for what, count in COUNTS.items():
            terminalreporter.write_line(f"{count:5} {what}")


@pytest.fixture(scope="package")
def flight(tmp_path_factory: pytest.TempPathFactory, empty_airflow_db: Path) -> Flight:
    """What came of the rotations."""
    stage = Stage(tmp_path_factory.mktemp("dying"), empty_airflow_db)
    try:
        flight = fly(stage)
    finally:
        stage.close()
    COUNTS.update({f"of its {kind}s": count for kind, count in flight.killed.items()})
    COUNTS["orphans that went on"] = len(flight.went_on)
    COUNTS["rotations"] = len(stage.customers)
    COUNTS["tries of those"] = sum(flight.tries[name] for name in stage.customers)
    COUNTS["requests for a key"] = len(stage.emulator.received("create_api_key"))
    COUNTS["keys issued"] = stage.emulator.minted()
    return flight
