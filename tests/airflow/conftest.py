"""The Airflows that these tests look at: each has run every DAG, and is gone by then.

On Airflow 3, one with a scheduler at INFO, one at DEBUG, and ``airflow dags test`` at DEBUG. On 2.11, one with a
scheduler at DEBUG, whose logs hold what those of INFO do; ``tests/dag_runs/test_*.py`` have its ``dag.test()``.
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
def _flights(tmp_path_factory: pytest.TempPathFactory, empty_airflow_db: Path, servers: Servers) -> Iterator[Runs]:
    """All at once, as most of a run is waiting; in threads that do not outlive a Ctrl-C."""
    flights: Runs = {name: Future() for name in (*SCHEDULED, *ALONE)}
    threads = []
    for name, level in (SCHEDULED | ALONE).items():
        cases = (*CASES, *ON_STORES, METASTORE[level])
        stage = Deployment(tmp_path_factory.mktemp(name), level, empty_airflow_db, cases, servers)
        work = run_all_dags if name in SCHEDULED else run_all_dags_apart
        threads.append(threading.Thread(target=_fulfil, args=(flights[name], work, stage), daemon=True))
        threads[-1].start()
    yield flights
    for thread in threads:
        thread.join()  # it ends the stage after the flight, which tests that count threads would see


def _fulfil(future: Future[AirflowRun], work: Callable[[Deployment], AirflowRun], stage: Deployment) -> None:
    try:
        future.set_result(work(stage))
    except BaseException as error:  # noqa: BLE001 (whatever it is, it is for the tests that want the result)
        future.set_exception(error)
    finally:
        stage.close()


@pytest.fixture(scope="package", params=SCHEDULED)
def running_airflow(request: pytest.FixtureRequest, _flights: Runs) -> AirflowRun:
    """What came of every DAG under a real scheduler."""
    return _flights[request.param].result()


@pytest.fixture(scope="package", params=ALONE)
def dags_test(request: pytest.FixtureRequest, _flights: Runs) -> AirflowRun:
    """What came of the leak cases in ``airflow dags test``."""
    return _flights[request.param].result()


@pytest.fixture(scope="package", params=[*SCHEDULED, *ALONE])
def airflow(request: pytest.FixtureRequest, _flights: Runs) -> AirflowRun:
    """What came of the leak cases in each of them."""
    return _flights[request.param].result()


@pytest.fixture(scope="package")
def traces(running_airflow: AirflowRun) -> Traces:
    """Where the running Airflow has left what must be nowhere."""
    return traces_of(running_airflow, secrets_of(running_airflow))
