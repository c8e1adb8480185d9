"""Does each issuance end as it must in a real Airflow, with the key where it must be, or with a clear error?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow.cases import CASES, METASTORE
from tests.airflow.deployment import CARELESS
from tests.airflow.store_cases import ON_STORES
from tests.dag_runs.interfering_backend import DATABASE_PASSWORD
from tools.airflow_sandbox.leak_scan import LeakScan

if TYPE_CHECKING:
    from tests.airflow.cases import Case
    from tests.airflow.deployment import Deployment
    from tests.airflow.run import AirflowRun

# The first test of the run waits for all that is started.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(3600)]

NAMES = [case.name for case in (*CASES, *ON_STORES, METASTORE["INFO"])]


def _is_stored(stage: Deployment, case: Case) -> bool:
    """Whether the destination holds the only live key of the user."""
    if case.meanwhile == "denied":  # AWS's key is disabled for everybody
        return False
    held = stage.stored(stage.destination(case), case)
    return held is not None and stage.emulator.keys_of(stage.users[case.name].id) == [held]


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_as_it_must(airflow: AirflowRun, name: str) -> None:
    case = airflow.stage.cases[name]
    stage, user_id = airflow.stage, airflow.stage.users[name].id
    assert airflow.tasks_of()[name] == case.state
    assert stage.emulator.minted(user_id) == case.minted
    assert (stage.posts(user_id) > 0) is (case.posts or case.minted > 0)
    assert _is_stored(stage, case) is case.stored
    assert airflow.error_of(name) == case.error


def test_a_careless_callback_has_printed_all_it_could_and_failed(running_airflow: AirflowRun) -> None:
    careless = [case.name for case in running_airflow.stage.cases.values() if case.given.get("tell_all")]
    assert len(careless) >= 4
    for name in careless:
        log = running_airflow.log_of(name)
        assert "the callback fails as well" in log
        assert "self = <Task(IssueInATrap)" in log, "no locals were printed"
    assert "new_key=ApiKey(***)" in running_airflow.log_of("verify_401"), "it printed no frame that had the key"


@pytest.mark.parametrize("name", CARELESS)
def test_what_is_stored_is_used_by_the_next_task(running_airflow: AirflowRun, name: str) -> None:
    """It prints its hooks and fails, as it is meant to, with the ids of those whose keys it used."""
    assert running_airflow.tasks_of()[f"careless_with_{name}"] == "failed"
    log = running_airflow.log_of(f"careless_with_{name}")
    assert [case for case in CARELESS[name] if running_airflow.stage.users[case].id not in log] == []


def test_a_forced_key_is_issued_once_a_run_even_after_a_clear(running_airflow: AirflowRun) -> None:
    stage, (first, cleared, again) = running_airflow.stage, running_airflow.renewed
    assert first == cleared != again
    assert stage.posts(stage.users["renewal"].id) == 2
    assert stage.stored("airflow://connection/renewal") == again


def test_a_database_password_at_the_destination_is_not_sent(running_airflow: AirflowRun) -> None:
    requests = running_airflow.stage.emulator.requests
    assert len(requests) > 50
    scan = LeakScan([DATABASE_PASSWORD])
    scan.text("requests", "\n".join(map(repr, requests)))
    assert scan.findings == []
