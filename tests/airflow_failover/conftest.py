"""Which Airflow do these tests look at? A real one, parts of which were killed, and which is gone by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_failover.deployment import Deployment
from tests.airflow_failover.run import AirflowRun, run_all_dags
from tests.counters import count

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="package")
def flight(tmp_path_factory: pytest.TempPathFactory, empty_airflow_db: Path) -> AirflowRun:
    """What came of the rotations."""
    stage = Deployment(tmp_path_factory.mktemp("failover"), empty_airflow_db)
    try:
        flight = run_all_dags(stage)
    finally:
        stage.close()
    what = "a real Airflow, parts of which were killed in the outage window of a rotation"
    for kind, killed in flight.killed.items():
        count(what, f"of its {kind}s", killed)
    count(what, "orphans that went on", len(flight.went_on))
    count(what, "rotations", len(stage.customers))
    count(what, "tries of those", sum(flight.tries[name] for name in stage.customers))
    count(what, "requests for a key", len(stage.emulator.received("create_api_key")))
    count(what, "keys issued", stage.emulator.minted())
    return flight
