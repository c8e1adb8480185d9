"""The onboarding example: the same final state for every customer, however often its tasks run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import ParamValidationError

from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.dag_runs.examples import ENDS_THE_TRY, assert_no_key_in, example
from tests.dag_runs.in_process import run_cleared, run_dag, xcom_of
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

DAG_ID = "polytomic_onboarding"
TASKS = ["create_organization", "create_user", "issue_api_key", "first_call"]
SUCCESS = dict.fromkeys(TASKS, "success")
CUSTOMER = {
    "organization": "Globex",
    "email": "Hank@globex.example",
    "destination": "airflow://connection/globex_polytomic",
}
# Requests of one onboarding, by endpoint; docs/onboard-a-customer.md has the same table.
ROUND_TRIPS = {
    "list_organizations": 1,
    "create_organization": 1,
    "list_roles": 1,
    "list_users": 1,
    "create_user": 1,
    "create_api_key": 1,
    # For Polytomic's time, with the new key, with the key that was read back, and as the first call.
    "get_identity": 4,
}
# Requests of an onboarding of an existing customer.
REPEATED = {"list_organizations": 1, "list_roles": 1, "list_users": 1, "get_identity": 2}
DEPLOYMENT_KEY = "deployment-key-of-an-on-premises-server"


def assert_onboarded(scene: Scene, role: str = "Editor") -> str:
    """Check that the customer exists once, with its only key stored, and return the key."""
    assert state_of(scene.emulator, "Globex") == onboarded("Globex", CUSTOMER["email"], [role])
    _owner, _acme, organization = scene.emulator.organizations()
    assert len(scene.emulator.invitations) == scene.emulator.minted() == 1
    (user,) = scene.emulator.users_of(organization.id)
    key = scene.emulator.live_key(user.id)
    assert scene.stored("globex_polytomic") == key
    return key


def test_a_customer_is_onboarded_with_no_more_requests_than_documented(scene: Scene, airflow_db: Path) -> None:
    run = run_dag(example(DAG_ID), conf=CUSTOMER)
    assert run.states == SUCCESS
    assert_onboarded(scene)
    organization = scene.emulator.organizations()[-1]
    (user,) = scene.emulator.users_of(organization.id)
    who = {"id": user.id, "email": "hank@globex.example", "organization_name": "Globex"}
    assert xcom_of(run, "first_call") == who
    assert scene.emulator.counts() == ROUND_TRIPS
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


def test_a_repeated_run_changes_nothing_and_sends_fewer_requests(scene: Scene) -> None:
    dag, at = example(DAG_ID), datetime.now(UTC)
    assert run_dag(dag, at=at, conf=CUSTOMER).states == SUCCESS
    key = assert_onboarded(scene)
    again = run_dag(dag, at=at, conf=CUSTOMER)
    assert again.states == SUCCESS
    assert assert_onboarded(scene) == key
    assert [xcom_of(again, task_id)["created"] for task_id in TASKS[:2]] == [False, False]
    assert scene.emulator.counts() == {name: count + REPEATED.get(name, 0) for name, count in ROUND_TRIPS.items()}


def test_each_task_can_be_cleared_alone(scene: Scene, airflow_db: Path) -> None:
    dag = example(DAG_ID)
    run = run_dag(dag, conf=CUSTOMER)
    key = assert_onboarded(scene)
    for task_id in TASKS:
        cleared = run_cleared(dag, run, task_id)
        assert cleared.states == SUCCESS, task_id
        assert cleared.tries == {**run.tries, task_id: 2}
        assert assert_onboarded(scene) == key
        run = cleared
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


@pytest.mark.parametrize("fault", ["status:503", "status:502 when=after"])
def test_whichever_request_fails_the_next_try_continues(scene: Scene, fault: str) -> None:
    """Each request fails once, before or after its effect; a repeated request fails every other time."""
    for endpoint, count in ROUND_TRIPS.items():
        for number in range(count):
            scene.emulator.inject(f"{fault} endpoint={endpoint} skip={2 * number} {ENDS_THE_TRY}")
    run = run_dag(example(DAG_ID, retries=sum(ROUND_TRIPS.values())), conf=CUSTOMER)
    assert run.states == SUCCESS
    assert {request.endpoint for request in scene.emulator.requests if request.status != 200} == set(ROUND_TRIPS)
    assert_onboarded(scene)


def test_the_partners_own_organization_is_no_customer(scene: Scene) -> None:
    owner = scene.emulator.organizations()[0]
    run = run_dag(example(DAG_ID), conf={**CUSTOMER, "organization": owner.name})
    assert run.states == {"create_organization": "failed", **dict.fromkeys(TASKS[1:], "upstream_failed")}
    assert run.tries["create_organization"] == 1
    assert state_of(scene.emulator, owner.name)["organizations"][0]["users"] == []
    assert len(scene.emulator.invitations) == scene.emulator.minted() == 0


def test_another_role_in_a_later_run_is_given_to_the_same_user(scene: Scene) -> None:
    run_dag(example(DAG_ID), conf=CUSTOMER)
    key = assert_onboarded(scene)
    assert run_dag(example(DAG_ID), conf={**CUSTOMER, "role": "Admin"}).states == SUCCESS
    assert assert_onboarded(scene, "Admin") == key


def test_a_deployment_key_onboards_and_its_roles_are_asked_for_within_the_organization(scene: Scene) -> None:
    with PolytomicEmulator(deployment_key=DEPLOYMENT_KEY) as server:
        scene.put("polytomic_default", conn_type="polytomic", host=server.base_url, password=DEPLOYMENT_KEY)
        run = run_dag(example(DAG_ID), conf={**CUSTOMER, "role": "Sync Editor"})
        assert run.states == SUCCESS
        assert state_of(server, "Globex") == onboarded("Globex", CUSTOMER["email"], ["Sync Editor"])
        assert xcom_of(run, "first_call")["organization_name"] == "Globex"
        schemes = {request.endpoint: request.headers["authorization"].partition(" ")[0] for request in server.requests}
    assert {name for name, scheme in schemes.items() if scheme == "Basic"} == {"list_roles"}
    assert scene.emulator.requests == []


@pytest.mark.parametrize("wrong", [{"organization": " Globex"}, {"email": "hank"}, {"destination": "globex"}], ids=str)
def test_the_form_rejects_invalid_values(wrong: dict[str, Any]) -> None:
    def check(conf: dict[str, Any]) -> None:
        params = example(DAG_ID).params
        params.update(conf)
        params.validate()

    check(CUSTOMER)
    with pytest.raises(ParamValidationError):
        check({**CUSTOMER, **wrong})
