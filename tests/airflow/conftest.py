"""Fixtures for real Airflow deployments; each has run every DAG and has stopped when its tests begin.

On Airflow 3, one with a scheduler at INFO, one at DEBUG, and ``airflow dags test`` at DEBUG. On 2.11, one with a
scheduler at DEBUG, whose logs include those of INFO; ``tests/dag_runs/test_*.py`` use its ``dag.test()``.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tests.airflow.cases import CASES, METASTORE
from tests.airflow.deployment import Deployment
from tests.airflow.run import AirflowRun, run_all_dags, run_all_dags_apart
from tests.airflow.store_cases import ON_STORES
from tests.airflow.traces import Traces, secrets_of, traces_of
from tests.dag_runs.servers import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.dag_runs.servers import Servers

__all__ = ["servers"]

SCHEDULED = {"info": "INFO", "debug": "DEBUG"} if AIRFLOW_V_3_0_PLUS else {"debug": "DEBUG"}
ALONE = {"dags_test": "DEBUG"} if AIRFLOW_V_3_0_PLUS else {}
Runs = dict[str, "Future[AirflowRun]"]


@pytest.fixture(scope="package")
def _airflow_runs(tmp_path_factory: pytest.TempPathFactory, empty_airflow_db: Path, servers: Servers) -> Iterator[Runs]:
    """Run all deployments at the same time, since they mostly wait, in threads that end with a Ctrl-C."""
    runs: Runs = {name: Future() for name in (*SCHEDULED, *ALONE)}
    threads = []
    for name, level in (SCHEDULED | ALONE).items():
        cases = (*CASES, *ON_STORES, METASTORE[level])
        deployment = Deployment(tmp_path_factory.mktemp(name), level, empty_airflow_db, cases, servers)
        work = run_all_dags if name in SCHEDULED else run_all_dags_apart
        threads.append(threading.Thread(target=_fulfil, args=(runs[name], work, deployment), daemon=True))
        threads[-1].start()
    yield runs
    for thread in threads:
        thread.join()  # the thread ends after its run, and tests that count threads would see it


def _fulfil(future: Future[AirflowRun], work: Callable[[Deployment], AirflowRun], deployment: Deployment) -> None:
    try:
        future.set_result(work(deployment))
    except BaseException as error:  # noqa: BLE001 (the tests that use the result raise it)
        future.set_exception(error)
    finally:
        deployment.close()


@pytest.fixture(scope="package", params=SCHEDULED)
def running_airflow(request: pytest.FixtureRequest, _airflow_runs: Runs) -> AirflowRun:
    """Return the result of every DAG under a real scheduler."""
    return _airflow_runs[request.param].result()


@pytest.fixture(scope="package", params=ALONE)
def dags_test(request: pytest.FixtureRequest, _airflow_runs: Runs) -> AirflowRun:
    """Return the result of the leak cases in ``airflow dags test``."""
    return _airflow_runs[request.param].result()


@pytest.fixture(scope="package", params=[*SCHEDULED, *ALONE])
def airflow(request: pytest.FixtureRequest, _airflow_runs: Runs) -> AirflowRun:
    """Return the result of the leak cases in each deployment."""
    return _airflow_runs[request.param].result()


@pytest.fixture(scope="package")
def traces(running_airflow: AirflowRun) -> Traces:
    """Return where the running Airflow has left secrets."""
    return traces_of(running_airflow, secrets_of(running_airflow))
