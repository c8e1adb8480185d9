"""Result of each issuance in a real Airflow: a stored key, or a clear error."""

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

# The first test waits until every run has ended.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(3600)]

NAMES = [case.name for case in (*CASES, *ON_STORES, METASTORE["INFO"])]


def _is_stored(deployment: Deployment, case: Case) -> bool:
    """Return whether the destination has the only live key of the user."""
    if case.meanwhile == "denied":  # the key of AWS is disabled for all users
        return False
    stored = deployment.stored(deployment.destination(case), case)
    return stored is not None and deployment.emulator.keys_of(deployment.users[case.name].id) == [stored]


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_as_it_must(airflow: AirflowRun, name: str) -> None:
    case = airflow.deployment.cases[name]
    deployment, user_id = airflow.deployment, airflow.deployment.users[name].id
    assert airflow.tasks_of()[name] == case.state
    assert deployment.emulator.minted(user_id) == case.minted
    assert (deployment.posts(user_id) > 0) is (case.posts or case.minted > 0)
    assert _is_stored(deployment, case) is case.stored
    assert airflow.error_of(name) == case.error


def test_a_careless_callback_has_printed_all_it_could_and_failed(running_airflow: AirflowRun) -> None:
    careless = [case.name for case in running_airflow.deployment.cases.values() if case.given.get("tell_all")]
    assert len(careless) >= 4
    for name in careless:
        log = running_airflow.log_of(name)
        assert "the callback fails as well" in log
        assert "self = <Task(IssueInATrap)" in log, "the log has no locals"
    assert "new_key=ApiKey(***)" in running_airflow.log_of("verify_401"), "the log has no frame with the key"


@pytest.mark.parametrize("name", CARELESS)
def test_what_is_stored_is_used_by_the_next_task(running_airflow: AirflowRun, name: str) -> None:
    """The task prints its hooks and fails on purpose, with the ids of the users whose keys it used."""
    assert running_airflow.tasks_of()[f"careless_with_{name}"] == "failed"
    log = running_airflow.log_of(f"careless_with_{name}")
    assert [case for case in CARELESS[name] if running_airflow.deployment.users[case].id not in log] == []


def test_a_forced_key_is_issued_once_a_run_even_after_a_clear(running_airflow: AirflowRun) -> None:
    deployment, (first, cleared, again) = running_airflow.deployment, running_airflow.rotated
    assert first == cleared != again
    assert deployment.posts(deployment.users["rotation"].id) == 2
    assert deployment.stored("airflow://connection/rotation") == again


def test_a_database_password_at_the_destination_is_not_sent(running_airflow: AirflowRun) -> None:
    requests = running_airflow.deployment.emulator.requests
    assert len(requests) > 50
    scan = LeakScan([DATABASE_PASSWORD])
    scan.text("requests", "\n".join(map(repr, requests)))
    assert scan.findings == []
