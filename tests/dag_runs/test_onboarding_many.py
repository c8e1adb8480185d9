"""The example that onboards many customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.dag_runs.examples import ENDS_THE_TRY, assert_no_key_in, example
from tests.dag_runs.in_process import run_cleared, run_dag
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import Scene

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


def test_a_customer_that_fails_stops_no_other_and_is_onboarded_when_cleared(scene: Scene) -> None:
    scene.emulator.inject("status:422 endpoint=create_user skip=1")
    dag = example(DAG_ID, retries=0)
    run = run_dag(dag, conf={"customers": CUSTOMERS})
    stopped = ["success", "failed", "upstream_failed", "upstream_failed"]
    # Airflow decides which one.
    every = [states_of(run, number) for number in range(len(CUSTOMERS))]
    assert sorted(every) == sorted([stopped, *[["success"] * len(TASKS)] * (len(CUSTOMERS) - 1)])
    assert run.state == "failed"
    names = {f"onboard.{task_id}[{every.index(stopped)}]" for task_id in TASKS[1:]}
    cleared = run_cleared(dag, run, *names)
    assert cleared.state == "success"
    assert set(cleared.states.values()) == {"success"}
    assert {name for name in run.tries if cleared.tries[name] != run.tries[name]} == names
    for customer, role in zip(CUSTOMERS, ["Editor", "Admin", "Sync Editor"], strict=True):
        assert_onboarded(scene, customer, role)
    assert len(scene.emulator.invitations) == scene.emulator.minted() == len(CUSTOMERS)


def test_each_is_onboarded_exactly_once_while_one_answer_in_ten_is_lost_or_an_error(
    scene: Scene, airflow_db: Path
) -> None:
    """Four kinds of faults, each for a quarter of that tenth, before or after the effect.

    There is no 500: after the effect, a second 500 in a row would wrongly say that the Idempotency-Key is used up.
    """
    emulator = scene.emulator
    for fault in ("drop", "drop when=after", f"status:503 {ENDS_THE_TRY}", f"status:502 when=after {ENDS_THE_TRY}"):
        emulator.inject(f"{fault} share=0.025 seed=5 times=always")
    customers = [
        {"name": f"customer_{number}", "organization": f"Customer {number}", "email": f"root@{number}.example"}
        for number in range(12)
    ]
    # Half of the tries fail in a task that sends seven requests.
    run = run_dag(example(DAG_ID, retries=25), conf={"customers": customers})
    assert set(run.states.values()) == {"success"}
    assert {None, 502, 503} <= {request.status for request in emulator.requests}
    for customer in customers:
        assert_onboarded(scene, customer, "Editor")
    assert len(emulator.organizations()) == len(["the partner", "Acme", *customers])
    assert len(emulator.invitations) == emulator.minted() == len(customers)
    assert_no_key_in(airflow_db, emulator, run_id=run.run_id)


def test_a_foreign_value_at_a_destination_stays_and_stops_that_customer_only(scene: Scene) -> None:
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
