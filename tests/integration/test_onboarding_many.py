"""Does the example that onboards many customers keep them apart?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.cleared import run_cleared
from tests.integration.examples import assert_no_key_in, example
from tests.integration.in_process import run_dag
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

DAG_ID = "polytomic_onboarding_many"
TASKS = ["create_organization", "create_user", "issue_api_key", "first_call"]
CUSTOMERS: list[dict[str, str]] = [
    {"name": "globex", "organization": "Globex", "email": "hank@globex.example"},
    {"name": "initech", "organization": "Initech", "email": "bill@initech.example", "role": "Admin"},
    {"name": "hooli", "organization": "Hooli", "email": "gavin@hooli.example", "role": "Sync Editor"},
]
FOREIGN = {"conn_type": "postgres", "host": "db.initech.example", "password": "of the database"}


def states_of(run: Any, customer: int) -> list[str]:
    return [run.states[f"onboard.{task_id}[{customer}]"] for task_id in TASKS]


def assert_onboarded(scene: Scene, customer: dict[str, str], role: str) -> None:
    emulator = scene.emulator
    assert state_of(emulator, customer["organization"]) == onboarded(
        customer["organization"], customer["email"], [role]
    )
    (organization,) = [each for each in emulator.organizations() if each.name == customer["organization"]]
    (user,) = emulator.users_of(organization.id)
    assert scene.stored(f"{customer['name']}_polytomic") == emulator.live_key(user.id)


def test_every_customer_is_onboarded(scene: Scene, airflow_db: Path) -> None:
    run = run_dag(example(DAG_ID), conf={"customers": CUSTOMERS})
    assert set(run.states.values()) == {"success"}
    assert len(run.states) == 1 + len(TASKS) * len(CUSTOMERS)
    for customer, role in zip(CUSTOMERS, ["Editor", "Admin", "Sync Editor"], strict=True):
        assert_onboarded(scene, customer, role)
    labels = [run.labels[f"onboard.{task_id}[1]"] for task_id in TASKS]
    assert labels == ["Initech", "bill@initech.example", *["airflow://connection/initech_polytomic"] * 2]
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


@pytest.mark.parametrize(
    ("task_id", "fault"),
    [
        ("create_organization", "status:403 endpoint=create_organization skip=1"),
        ("create_user", "status:422 endpoint=create_user skip=1"),
        ("issue_api_key", "status:403 endpoint=create_api_key skip=1"),
        # After the two requests of each issuance.
        ("first_call", f"status:403 endpoint=get_identity skip={2 * len(CUSTOMERS) + 1}"),
    ],
)
def test_a_customer_that_fails_stops_no_other_and_is_onboarded_when_cleared(
    scene: Scene, task_id: str, fault: str
) -> None:
    scene.emulator.inject(fault)
    dag = example(DAG_ID, retries=0)
    run = run_dag(dag, conf={"customers": CUSTOMERS})
    before, after = TASKS[: TASKS.index(task_id)], TASKS[TASKS.index(task_id) + 1 :]
    stopped = [*["success"] * len(before), "failed", *["upstream_failed"] * len(after)]
    # Which of them it is, is left to Airflow.
    every = [states_of(run, number) for number in range(len(CUSTOMERS))]
    assert sorted(every) == sorted([stopped, *[["success"] * len(TASKS)] * (len(CUSTOMERS) - 1)])
    assert run.state == "failed"
    number = every.index(stopped)
    cleared = run_cleared(dag, run, *(f"onboard.{name}[{number}]" for name in [task_id, *after]))
    assert cleared.state == "success"
    assert set(cleared.states.values()) == {"success"}
    assert {name for name in run.tries if cleared.tries[name] != run.tries[name]} == {
        f"onboard.{name}[{number}]" for name in [task_id, *after]
    }
    for customer, role in zip(CUSTOMERS, ["Editor", "Admin", "Sync Editor"], strict=True):
        assert_onboarded(scene, customer, role)
    assert len(scene.emulator.invitations) == scene.emulator.minted() == len(CUSTOMERS)


def test_what_somebody_else_keeps_at_a_destination_stays_and_stops_that_customer_only(scene: Scene) -> None:
    scene.put("initech_polytomic", **FOREIGN)
    run = run_dag(example(DAG_ID), conf={"customers": CUSTOMERS})
    assert [states_of(run, number)[2:] for number in range(3)] == [
        ["success", "success"],
        ["failed", "upstream_failed"],
        ["success", "success"],
    ]
    assert run.tries["onboard.issue_api_key[1]"] == 1
    assert scene.entries()["initech_polytomic"] == FOREIGN
    assert scene.emulator.minted() == len(CUSTOMERS) - 1


def test_no_customers_are_no_failure(scene: Scene) -> None:
    run = run_dag(example(DAG_ID), conf={"customers": []})
    assert run.state == "success"
    assert scene.emulator.requests == []
