"""Fixture for a real Airflow, some processes of which were killed; it has stopped when the tests begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_failover.deployment import Deployment
from tests.airflow_failover.run import AirflowRun, run_all_dags
from tests.counters import count

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="package")
def airflow_run(tmp_path_factory: pytest.TempPathFactory, empty_airflow_db: Path) -> AirflowRun:
    """Return the result of the rotations."""
    deployment = Deployment(tmp_path_factory.mktemp("failover"), empty_airflow_db)
    try:
        airflow_run = run_all_dags(deployment)
    finally:
        deployment.close()
    what = "a real Airflow whose processes were killed in the outage window of a rotation"
    for kind, killed in airflow_run.killed.items():
        count(what, f"of its {kind}s", killed)
    count(what, "orphans that continued", len(airflow_run.continued))
    count(what, "rotations", len(deployment.customers))
    count(what, "tries of those", sum(airflow_run.tries[name] for name in deployment.customers))
    count(what, "requests for a key", len(deployment.emulator.received("create_api_key")))
    count(what, "keys issued", deployment.emulator.minted())
    return airflow_run
