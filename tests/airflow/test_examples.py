"""The examples, their events and the connection form in a real Airflow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._airflow.connection_form import ui_field_behaviour
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.get_provider_info import get_provider_info
from tests.airflow import deployment as deployments
from tests.airflow.deployment import EXAMPLES, GLOBEX, ISSUE, ISSUE_MANY, MANY, ONBOARDING, RESTART, SELF_CHECK
from tests.airflow.run import CLEARED, ROTATION, RUN
from tests.dag_runs.test_onboarding_from_csv import DAG_ID as FROM_CSV
from tests.dag_runs.test_rotate_batch_example import NAME as BATCH
from tests.dag_runs.test_rotation import WEEKLY, WITHOUT_OUTAGE
from tests.onboarding_state import onboarded, state_of
from tests.unit.fake_distribution import ROOT

if TYPE_CHECKING:
    from tests.airflow.run import AirflowRun

# The first test waits until every run has ended.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(3600)]

ASSET = "asset" if AIRFLOW_V_3_0_PLUS else "dataset"
EVENTS = f"select source_dag_id, source_run_id, source_task_id, source_map_index from {ASSET}_event"
RETURNED = "select dag_id, run_id, task_id, map_index, value from xcom where key = 'return_value'"
NOTHING: dict[str, Any] = {"organizations": []}


def _is_reference_to(airflow_run: AirflowRun, reference: Any, conn_id: str, user: str) -> None:
    deployment = airflow_run.deployment
    key = deployment.emulator.live_key(deployment.users[user].id)
    assert deployment.stored(f"airflow://connection/{conn_id}") == key
    assert reference["fingerprint"] == ApiKey(key).fingerprint
    assert reference["destination"] == f"airflow://connection/{conn_id}"
    assert (reference["org_id"], reference["user_id"]) == tuple(deployment.ids(user).values())
    assert reference["issued"] is True


def test_every_example_is_run() -> None:
    # These run in the test's process: rotations need time to pass, and the other one has only another first task.
    elsewhere = {WEEKLY, WITHOUT_OUTAGE, BATCH, FROM_CSV}
    assert {path.stem for path in (ROOT / "dags_examples").glob("*.py")} == {*EXAMPLES, *elsewhere}


def test_the_example_issues_a_key_which_its_next_task_uses(running_airflow: AirflowRun) -> None:
    deployment = running_airflow.deployment
    assert running_airflow.tasks_of(ISSUE) == {"issue_api_key": "success", "who_am_i": "success"}
    reference = deployment.airflow.xcom(ISSUE, RUN, "issue_api_key")
    _is_reference_to(running_airflow, reference, "acme_polytomic", "example")
    user = deployment.users["example"]
    who = {"id": user.id, "email": user.email, "organization_name": deployment.organization.name}
    assert deployment.airflow.xcom(ISSUE, RUN, "who_am_i") == who


def test_the_mapped_example_issues_for_every_customer_but_the_one_that_is_wrong(running_airflow: AirflowRun) -> None:
    airflow = running_airflow.deployment.airflow
    states = {"targets": "success", "issue_api_key[0]": "success", "issue_api_key[1]": "failed"}
    assert running_airflow.tasks_of(ISSUE_MANY) == states
    reference = airflow.xcom(ISSUE_MANY, RUN, "issue_api_key", 0)
    _is_reference_to(running_airflow, reference, "mapped_polytomic", "mapped")
    assert airflow.xcom(ISSUE_MANY, RUN, "issue_api_key", 1) is None
    query = "select rendered_map_index from task_instance where dag_id = ? and map_index >= 0 order by map_index"
    labels = [f"airflow://connection/{name}_polytomic" for name in ("mapped", "nobody")]
    assert airflow.query(query, ISSUE_MANY) == [(label,) for label in labels]


def test_a_customer_is_onboarded_and_called_as(running_airflow: AirflowRun) -> None:
    airflow, was = running_airflow.deployment.airflow, running_airflow.onboarded
    steps = ("create_organization", "create_user", "issue_api_key", "first_call")
    assert running_airflow.tasks_of(ONBOARDING) == dict.fromkeys(steps, "success")
    assert was is not None
    assert was.state == onboarded(GLOBEX["organization"], GLOBEX["email"], [GLOBEX["role"]])
    assert was.live == [was.stored]
    organization, user, reference, me = (airflow.xcom(ONBOARDING, RUN, task) for task in steps)
    assert (organization["created"], user["created"], reference["issued"]) == (True, True, True)
    assert reference["fingerprint"] == ApiKey(was.live[0]).fingerprint
    assert me == {"id": user["id"], "email": user["email"], "organization_name": GLOBEX["organization"]}


def test_nothing_is_left_of_an_offboarded_customer(running_airflow: AirflowRun) -> None:
    deployment, destination = running_airflow.deployment, GLOBEX["destination"]
    steps = ("delete_user", "delete_stored_api_key", "should_delete_organization", "delete_organization")
    assert running_airflow.tasks_of(deployments.OFFBOARDING) == dict.fromkeys(steps, "success")
    assert state_of(deployment.emulator, GLOBEX["organization"]) == NOTHING
    assert deployment.stored(destination) is None
    assert not deployment.record(destination).exists()


def test_each_of_many_customers_is_onboarded_once(running_airflow: AirflowRun) -> None:
    deployment = running_airflow.deployment
    assert set(running_airflow.tasks_of(deployments.ONBOARDING_MANY).values()) == {"success"}
    for customer in MANY:
        name, email = customer["organization"], customer["email"]
        assert state_of(deployment.emulator, name) == onboarded(name, email, [customer["role"]])
        (organization,) = (each for each in deployment.emulator.organizations() if each.name == name)
        (user,) = deployment.emulator.users_of(organization.id)
        key = deployment.stored(f"airflow://connection/{customer['name']}_polytomic")
        assert key == deployment.emulator.live_key(user.id)


def test_the_self_check_succeeds_and_leaves_nothing(running_airflow: AirflowRun) -> None:
    deployment, states = running_airflow.deployment, running_airflow.states[SELF_CHECK, RUN]
    assert states.run == "success"
    assert set(states.tasks.values()) == {"success"}
    steps = ("create_organization", "issue_api_key", "call_polytomic")
    organization, reference, called = (deployment.airflow.xcom(SELF_CHECK, RUN, step) for step in steps)
    assert (organization["created"], reference["issued"], called) == (True, True, organization["name"])
    assert state_of(deployment.emulator, organization["name"]) == NOTHING
    assert deployment.stored(reference["destination"]) is None
    assert not deployment.record(reference["destination"]).exists()


def test_there_is_an_event_for_each_new_key_of_a_task_that_names_the_alias(running_airflow: AirflowRun) -> None:
    airflow = running_airflow.deployment.airflow
    events = set(airflow.query(EVENTS))
    # SQLite returns numbers as numbers, and json.loads needs a string.
    returned = {
        tuple(of): json.loads(value) for *of, value in airflow.query(RETURNED) if isinstance(value, str | bytes)
    }
    issued = {of for of, value in returned.items() if isinstance(value, dict) and value.get("issued") is True}
    assert (ISSUE_MANY, RUN, "issue_api_key", 0) in events
    # After the clear, the task returns that it kept the key, which the run issued in its first try.
    of_cleared = {of for of in events if of[:2] == (ROTATION, CLEARED)}
    assert len(of_cleared) == 1
    # Nor does a retry that finds the key which its first try stored return that it issued a key.
    of_retried = {of for of in events if of[2] == "timed_out_after_promote"}
    assert len(of_retried) == 1
    # The self-check has no alias in its outlets.
    assert events == {of for of in issued if of[0] != SELF_CHECK} | of_cleared | of_retried


def test_the_example_that_waits_for_a_key_is_started_by_its_event(running_airflow: AirflowRun) -> None:
    airflow = running_airflow.deployment.airflow
    for run_id in running_airflow.restarts:
        assert running_airflow.tasks_of(RESTART, run_id) == {"restart_once": "success"}
    first = running_airflow.restarts[0]
    assert airflow.xcom(RESTART, first, "restart_once") == "restarted"
    (log,) = airflow.logs.glob(f"dag_id={RESTART}/run_id={first}/task_id=restart_once/attempt=1.log")
    assert airflow.xcom(ISSUE, RUN, "issue_api_key")["fingerprint"] in log.read_text()


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="tests/unit/test_provider_info.py builds the form of 2.11")
def test_the_form_has_the_fields_and_words_of_the_metadata(running_airflow: AirflowRun) -> None:
    (form,) = [form for form in running_airflow.form if form["connection_type"] == "polytomic"]
    assert form["hook_name"] == "Polytomic"
    declared = get_provider_info()["connection-types"][0]["conn-fields"]
    titles = {name: field["schema"]["title"] for name, field in form["extra_fields"].items()}
    assert titles == {name: field["label"] for name, field in declared.items()}
    behaviour, shown = ui_field_behaviour(), form["standard_fields"]
    assert {name for name, field in shown.items() if field and field["hidden"]} == {
        {"schema": "url_schema"}.get(name, name) for name in behaviour["hidden_fields"]
    }
    assert {name: shown[name]["title"] for name in behaviour["relabeling"]} == behaviour["relabeling"]
