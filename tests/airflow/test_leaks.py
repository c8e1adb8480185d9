"""Search of everything that a real Airflow has written, at INFO and DEBUG, for keys outside the stores.

The runs are those of :mod:`tests.airflow.cases` and the examples.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tests.airflow.store_cases import READ_BY_AIRFLOW
from tests.airflow.traces import Traces, secrets_of, traces_of
from tools.airflow_sandbox.leak_scan import summary

if TYPE_CHECKING:
    from tests.airflow.run import AirflowRun

# The first test waits until every run has ended.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(3600)]

FORMS = ("plain", "piece", "json", "url", "base64_0", "base64_1", "base64_2")


def test_no_key_is_in_anything_that_a_running_airflow_wrote(running_airflow: AirflowRun, traces: Traces) -> None:
    assert traces.leaks == [], summary(traces.leaks)
    assert traces.allowed == [], summary(traces.allowed)
    console = ["consoles"] if AIRFLOW_V_3_0_PLUS else []
    _assert_reads_are_airflows_own(running_airflow, traces, [*console, "task_id=careless_with_stores"])
    logs = list(running_airflow.deployment.airflow.logs.rglob("attempt=*.log"))
    assert len(logs) > len(running_airflow.deployment.cases)
    assert traces.searched.files > len(logs)
    assert traces.searched.rows > 100


def test_no_key_is_in_anything_that_dags_test_wrote_but_in_airflows_own_masking(
    dags_test: AirflowRun,
) -> None:
    traces = traces_of(dags_test, secrets_of(dags_test))
    assert traces.leaks == [], summary(traces.leaks)
    _assert_reads_are_airflows_own(dags_test, traces, ["consoles"])
    assert {found.place for found in traces.allowed} == {str(dags_test.deployment.airflow.consoles / "commands.log")}


def _assert_reads_are_airflows_own(airflow_run: AirflowRun, traces: Traces, folders: list[str]) -> None:
    """Check that only botocore logs a key, at DEBUG: once for each read of a consumer, in a file of each folder.

    A task's own log may have the line masked, if Airflow learns the secret before it writes the line.
    """
    most = len(READ_BY_AIRFLOW) if airflow_run.deployment.log_level == "DEBUG" else 0
    found = Counter(Path(each.place).parent.name for each in traces.reads)
    assert set(found) <= set(folders), summary(traces.reads)
    assert all(times <= most for times in found.values()), summary(traces.reads)
    if "consoles" in folders:
        assert found["consoles"] == most, summary(traces.reads)


def test_the_search_finds_a_secret_that_a_task_shows_in_any_form(running_airflow: AirflowRun) -> None:
    _assert_canary_is_found(running_airflow, console="scheduler.log", ways=_ways_to_the_console())
    log = "attempt=1.log"
    _assert_canary_is_found(running_airflow, console=log, ways=("logged", "printed"))


def test_the_search_finds_a_secret_that_dags_test_shows_in_any_form(dags_test: AirflowRun) -> None:
    _assert_canary_is_found(dags_test, console="commands.log", ways=("logged", "printed", "written"))


def _ways_to_the_console() -> tuple[str, ...]:
    """Return how a task can write to the scheduler's console; 2.11 redirects its log and its output."""
    return ("logged", "printed", "written") if AIRFLOW_V_3_0_PLUS else ("written",)


def _assert_canary_is_found(airflow_run: AirflowRun, *, console: str, ways: tuple[str, ...]) -> None:
    found = traces_of(airflow_run, [airflow_run.deployment.canary]).leaks
    shown = [leak.excerpt for leak in found if leak.place.endswith(console)]
    for way in ways:
        for form in FORMS:
            assert [excerpt for excerpt in shown if f"{way} {form}: " in excerpt], f"{way} {form} in {console}"
    assert [leak for leak in found if leak.place == "xcom.value"]
    assert [leak for leak in found if leak.place.endswith("airflow.db") or leak.place.endswith("airflow.db-wal")]


def test_nothing_outlives_a_running_airflow(running_airflow: AirflowRun) -> None:
    assert any("scheduler" in arguments for arguments in running_airflow.arguments)
    assert running_airflow.left == []
