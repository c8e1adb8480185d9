"""Which Airflow do these tests look at? A real one for each log level, which has run every DAG and is gone by then."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS
from tests.integration.running.cases import CASES, METASTORE
from tests.integration.running.flight import Flight, fly, fly_alone
from tests.integration.running.stage import Stage
from tests.integration.running.store_cases import ON_STORES
from tests.integration.running.traces import Traces, secrets_of, traces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.integration.running.cases import Case
    from tests.integration.servers import Servers

LEVELS = ("INFO", "DEBUG")
Flights = dict[str, "Future[Flight]"]


@pytest.fixture(scope="package")
def _flights(tmp_path_factory: pytest.TempPathFactory, empty_airflow_db: Path, servers: Servers) -> Iterator[Flights]:
    stages = {
        level: Stage(tmp_path_factory.mktemp(level), level, empty_airflow_db, _cases(level), servers)
        for level in LEVELS
    }
    yield from _all_at_once(fly, stages)


@pytest.fixture(scope="package")
def _dags_tests(
    tmp_path_factory: pytest.TempPathFactory, empty_airflow_db: Path, servers: Servers
) -> Iterator[Flights]:
    stages = {}
    for level in LEVELS:
        cases = [case for case in _cases(level) if AIRFLOW_V_3_0_PLUS or not case.ends_the_process]
        stages[level] = Stage(tmp_path_factory.mktemp(f"test-{level}"), level, empty_airflow_db, cases, servers)
    yield from _all_at_once(fly_alone, stages)


@pytest.fixture(scope="package", params=LEVELS, ids=str.lower)
def running_airflow(request: pytest.FixtureRequest, _flights: Flights) -> Flight:
    """What came of every DAG under a real scheduler, at this log level."""
    return _flights[request.param].result()


@pytest.fixture(scope="package", params=LEVELS, ids=str.lower)
def dags_test(request: pytest.FixtureRequest, _dags_tests: Flights) -> Flight:
    """What came of the leak cases in ``airflow dags test``, at this log level."""
    return _dags_tests[request.param].result()


@pytest.fixture(scope="package")
def traces(running_airflow: Flight) -> Traces:
    """Where the running Airflow has left what must be nowhere."""
    return traces_of(running_airflow, secrets_of(running_airflow))


@pytest.fixture(scope="package")
def traces_of_dags_test(dags_test: Flight) -> Traces:
    """Where ``dags test`` has left what must be nowhere."""
    return traces_of(dags_test, secrets_of(dags_test))


def _cases(level: str) -> tuple[Case, ...]:
    return (*CASES, *ON_STORES, METASTORE[level])


def _all_at_once(work: Callable[[Stage], Flight], stages: Mapping[str, Stage]) -> Iterator[Flights]:
    """Most of a run is waiting, so the levels run beside each other; in threads that do not outlive a Ctrl-C."""
    flights: Flights = {level: Future() for level in stages}
    threads = [
        threading.Thread(target=_fulfil, args=(flights[level], work, stage), daemon=True)
        for level, stage in stages.items()
    ]
    for thread in threads:
        thread.start()
    yield flights
    for thread in threads:
        thread.join()  # it ends the stage after the flight, which tests that count threads would see


def _fulfil(future: Future[Flight], work: Callable[[Stage], Flight], stage: Stage) -> None:
    try:
        future.set_result(work(stage))
    except BaseException as error:  # noqa: BLE001 (whatever it is, it is for the tests that want the result)
        future.set_exception(error)
    finally:
        stage.close()
