"""Does a real Airflow tell of each new key, of nothing else, and start by itself what waits for one?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS
from tests.integration.running.flight import CLEARED, RENEWAL, RUN
from tests.integration.running.stage import ISSUE, ISSUE_MANY, RESTART, SELF_CHECK

if TYPE_CHECKING:
    from tests.integration.running.flight import Flight

# The first test of the run waits for all that is started.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(900)]

ASSET = "asset" if AIRFLOW_V_3_0_PLUS else "dataset"
TASK_INSTANCE = "source_dag_id, source_run_id, source_task_id, source_map_index"
EVENTS = f"select {TASK_INSTANCE}, uri, event.extra from {ASSET}_event event join {ASSET} on {ASSET}.id = {ASSET}_id"
RETURNED = "select dag_id, run_id, task_id, map_index, value from xcom where key = 'return_value'"

TaskInstance = tuple[str, str, str, int]


def _events(flight: Flight) -> list[tuple[TaskInstance, str, dict[str, Any]]]:
    """Return the events, each with what it came from, its asset's URI and its ``extra``."""
    rows = flight.stage.airflow.query(EVENTS)
    return [((dag, run, task, index), uri, json.loads(extra)) for dag, run, task, index, uri, extra in rows]


def _issued(flight: Flight) -> set[TaskInstance]:
    """Return every task instance that says that it has issued a key; those of the self-check are not announced."""
    returned = {tuple(row[:4]): json.loads(_text(row[4])) for row in flight.stage.airflow.query(RETURNED)}
    return {
        of
        for of, value in returned.items()
        if isinstance(value, dict) and value.get("issued") is True and of[0] != SELF_CHECK
    }


def _text(value: Any) -> str:
    """Return the JSON of an XCom: 2.11 keeps bytes, and SQLite makes numbers of numbers."""
    return value.decode() if isinstance(value, bytes) else str(value)


def test_there_is_an_event_for_each_new_key_and_for_nothing_else(running_airflow: Flight) -> None:
    told = {of for of, _, _ in _events(running_airflow)}
    assert (ISSUE_MANY, RUN, "issue_api_key", 0) in told
    # Cleared, it says that it has kept the key, which the run has issued in its first try.
    of_cleared = {of for of in told if of[:2] == (RENEWAL, CLEARED)}
    assert len(of_cleared) == 1
    assert told == _issued(running_airflow) | of_cleared


def test_an_event_says_which_key_by_its_fingerprint(running_airflow: Flight) -> None:
    keys = {key for emulator in running_airflow.stage.emulators for key in emulator.all_keys()}
    fingerprints = {ApiKey(key).fingerprint for key in keys}
    events = _events(running_airflow)
    assert {extra["fingerprint"] for _, _, extra in events} <= fingerprints
    (event,) = [(uri, extra) for of, uri, extra in events if of[0] == ISSUE]
    reference = running_airflow.stage.airflow.xcom(ISSUE, RUN, "issue_api_key")
    assert event == ("x-polytomic://airflow/connection/acme_polytomic", reference)


def test_the_example_that_waits_for_a_key_is_started_by_its_event(running_airflow: Flight) -> None:
    airflow = running_airflow.stage.airflow
    for run_id in running_airflow.restarts:
        assert running_airflow.tasks_of(RESTART, run_id) == {"restart_once": "success"}
    first = running_airflow.restarts[0]
    assert airflow.xcom(RESTART, first, "restart_once") == "restarted"
    (log,) = airflow.logs.glob(f"dag_id={RESTART}/run_id={first}/task_id=restart_once/attempt=1.log")
    fingerprint = airflow.xcom(ISSUE, RUN, "issue_api_key")["fingerprint"]
    assert "Restarting the gateway" in log.read_text()
    assert fingerprint in log.read_text()
