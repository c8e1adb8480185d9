"""The offboarding example: it deletes a customer, and never leaves a live key that is not stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.dag_runs.examples import ENDS_THE_TRY, assert_no_key_in, example, secrets_of
from tests.dag_runs.in_process import run_cleared, run_dag, xcom_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

DAG_ID = "polytomic_offboarding"
TASKS = ["delete_user", "delete_stored_api_key", "should_delete_organization", "delete_organization"]
ALL = dict.fromkeys(TASKS, "success")
WITHOUT_ORGANIZATION = {**ALL, "delete_organization": "skipped"}
NOBODY = "00000000-0000-4000-8000-000000000000"
# Requests of one offboarding, by endpoint.
ROUND_TRIPS = {
    "get_user": 1,
    "delete_user": 1,
    # For the owner of the connection's key, and for the organization's name.
    "get_organization": 2,
    "delete_organization": 1,
    # Neither the user nor the organization is the caller's own; the stored key is revoked, and not the caller's.
    "get_identity": 4,
}


@dataclass(frozen=True)
class Customer:
    """A customer that the onboarding example created, in addition to Acme."""

    scene: Scene
    conf: dict[str, Any]
    key: str
    before: dict[str, Any]

    def offboard(self, *, retries: int | None = None, at: datetime | None = None, **conf: Any) -> Any:
        """Run the example."""
        return run_dag(example(DAG_ID, retries=retries), at=at, conf={**self.conf, **conf})

    def live_keys(self) -> list[str]:
        """Return the keys of the user that work."""
        return self.scene.emulator.keys_of(self.conf["user_id"])

    def names(self) -> list[str]:
        """Return the names of the organizations except the partner's own."""
        return [organization.name for organization in self.scene.emulator.organizations()[1:]]

    def assert_gone(self, *, organization: bool) -> None:
        """Check that nothing of the customer is left, in Polytomic or in the store, and that the rest is unchanged."""
        assert self.names() == (["Acme"] if organization else ["Acme", "Globex"])
        assert self.scene.emulator.users_of(self.conf["org_id"]) == []
        assert self.live_keys() == []
        assert secrets_of(self.scene) == self.before
        assert self.scene.emulator.users_of(self.scene.user.organization_id) == [self.scene.user]

    def assert_untouched(self) -> None:
        """Check that the customer is unchanged."""
        assert self.live_keys() == [self.key] == [self.scene.stored("globex_polytomic")]
        assert self.names() == ["Acme", "Globex"]


@pytest.fixture
def customer(scene: Scene) -> Customer:
    before = secrets_of(scene)
    conf = {
        "organization": "Globex",
        "email": "Hank@globex.example",
        "destination": "airflow://connection/globex_polytomic",
    }
    reference = xcom_of(run_dag(example("polytomic_onboarding"), conf=conf), "issue_api_key")
    key = scene.emulator.live_key(reference["user_id"])
    ids = {name: reference[name] for name in ("org_id", "user_id")}
    return Customer(scene, {**conf, **ids, "delete_organization": True}, key, before)


@pytest.mark.parametrize("organization", [False, True])
def test_a_customer_is_offboarded(customer: Customer, airflow_db: Path, organization: bool) -> None:
    before = customer.scene.emulator.counts()
    run = customer.offboard(delete_organization=organization)
    assert run.states == (ALL if organization else WITHOUT_ORGANIZATION)
    customer.assert_gone(organization=organization)
    requests = {
        name: count - before.get(name, 0)
        for name, count in customer.scene.emulator.counts().items()
        if count > before.get(name, 0)
    }
    if organization:
        assert requests == ROUND_TRIPS
    else:
        assert requests == {"get_user": 1, "delete_user": 1, "get_organization": 1, "get_identity": 3}
    assert_no_key_in(airflow_db, customer.scene.emulator, run_id=run.run_id)


def test_each_task_can_be_cleared_alone_and_the_run_repeated(customer: Customer) -> None:
    at = datetime.now(UTC)
    dag = example(DAG_ID)
    run = run_dag(dag, at=at, conf=customer.conf)
    for task_id in TASKS:
        run = run_cleared(dag, run, task_id)
        assert run.states == ALL, task_id
        customer.assert_gone(organization=True)
    assert run_dag(dag, at=at, conf=customer.conf).states == ALL
    customer.assert_gone(organization=True)


@pytest.mark.parametrize(
    "fault",
    [
        "status:503 endpoint=get_user",
        "status:502 when=after endpoint=delete_user",
        "status:503 endpoint=get_identity skip=1",
        "status:503 endpoint=get_organization skip=1",
        "status:502 when=after endpoint=delete_organization",
    ],
)
def test_a_failure_half_way_leaves_no_live_key_that_is_not_stored(customer: Customer, fault: str) -> None:
    """One failure in each task; ``tests/crash/test_removal_kills.py`` covers every step of a removal."""
    at = datetime.now(UTC)
    customer.scene.emulator.inject(f"{fault} times=always {ENDS_THE_TRY}")
    run = customer.offboard(retries=0, at=at)
    assert run.state == "failed"
    assert customer.live_keys() in ([], [customer.scene.stored("globex_polytomic")])
    customer.scene.emulator.clear_faults()
    assert customer.offboard(retries=0, at=at).states == ALL
    customer.assert_gone(organization=True)


@pytest.mark.parametrize(
    ("wrong", "failed"),
    [
        ({"email": "ada@acme.example"}, "delete_user"),
        # There is no such user to delete, so the key still works and stays.
        ({"org_id": NOBODY}, "delete_stored_api_key"),
    ],
    ids=str,
)
def test_what_is_not_the_customer_that_was_named_stays(customer: Customer, wrong: dict[str, Any], failed: str) -> None:
    run = customer.offboard(**wrong)
    assert run.states[failed] == "failed"
    assert run.tries[failed] == 1
    assert {run.states[task_id] for task_id in TASKS[TASKS.index(failed) + 1 :]} == {"upstream_failed"}
    customer.assert_untouched()


def test_an_organization_of_another_name_stays(customer: Customer) -> None:
    run = customer.offboard(organization="Acme")
    assert run.states == {**ALL, "delete_organization": "failed"}
    customer.assert_gone(organization=False)
