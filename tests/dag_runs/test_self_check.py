"""The self-check example: it leaves nothing behind, and fails if something is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.dag_runs.examples import ENDS_THE_TRY, assert_no_key_in, example, secrets_of
from tests.dag_runs.in_process import run_cleared, run_dag, xcom_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

DAG_ID = "polytomic_self_check"
CONNECTION = "polytomic_self_check"
MAKING = ["create_organization", "create_user", "issue_api_key"]
TAKING_AWAY = ["delete_user", "delete_stored_api_key", "delete_organization"]
SUCCESS = dict.fromkeys([*MAKING, "call_polytomic", *TAKING_AWAY, "report"], "success")
# Three get_identity are for the issuance, the next one is the call.
CALL = "status:403 endpoint=get_identity skip=3"


def states(failed: str, upstream_failed: list[str]) -> dict[str, str]:
    return {**SUCCESS, failed: "failed", **dict.fromkeys([*upstream_failed, "report"], "upstream_failed")}


@pytest.fixture
def clean(scene: Scene) -> Any:
    """Check that nothing of a self-check is left, in Polytomic or in the store, and that the rest is unchanged."""
    before = secrets_of(scene)

    def check() -> None:
        assert [organization.name for organization in scene.emulator.organizations()[1:]] == ["Acme"]
        assert scene.emulator.users_of(scene.user.organization_id) == [scene.user]
        assert secrets_of(scene) == before

    return check


def test_it_deletes_what_it_created(scene: Scene, clean: Any, airflow_db: Path) -> None:
    run = run_dag(example(DAG_ID))
    assert (run.state, run.states) == ("success", SUCCESS)
    assert xcom_of(run, "call_polytomic") == "Self-check of our Airflow"
    assert scene.emulator.minted() == 1
    clean()
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        (CALL, states("call_polytomic", [])),
        # The last request of the issuance: the key is already stored.
        (
            f"status:503 endpoint=get_identity skip=2 times=4 {ENDS_THE_TRY}",
            states("issue_api_key", ["call_polytomic"]),
        ),
        (
            "status:403 endpoint=create_user",
            states("create_user", ["issue_api_key", "call_polytomic", "delete_user", "delete_stored_api_key"]),
        ),
    ],
    ids=["call", "stored key", "user"],
)
def test_the_run_fails_and_leaves_nothing_when_something_is_wrong(
    scene: Scene, clean: Any, fault: str, states: dict[str, str]
) -> None:
    scene.emulator.inject(fault)
    dag = example(DAG_ID)
    dag.get_task("call_polytomic").retries = 0
    run = run_dag(dag)
    assert (run.state, run.states) == ("failed", states)
    clean()


@pytest.mark.parametrize(
    ("faults", "failed"),
    [
        # The key works until the organization is deleted, so it stays.
        ([f"status:503 endpoint=delete_user times=always {ENDS_THE_TRY}"], ["delete_user", "delete_stored_api_key"]),
        # A key may have been issued but not stored, and its user may still exist.
        (
            [
                f"status:502 when=after endpoint=create_api_key times=always {ENDS_THE_TRY}",
                "status:403 endpoint=get_user times=always",
            ],
            ["issue_api_key", "delete_user", "delete_stored_api_key"],
        ),
    ],
    ids=["user", "open issuance"],
)
def test_the_next_run_takes_over_and_deletes_what_a_run_left(
    scene: Scene, clean: Any, faults: list[str], failed: list[str]
) -> None:
    for fault in faults:
        scene.emulator.inject(fault)
    run = run_dag(example(DAG_ID, retries=0))
    assert run.state == "failed"
    assert {task_id for task_id, state in run.states.items() if state == "failed"} == set(failed)
    with pytest.raises(AssertionError):
        clean()
    scene.emulator.clear_faults()
    assert run_dag(example(DAG_ID), at=datetime.now(UTC) + timedelta(days=1)).states == SUCCESS
    clean()


def test_tasks_can_be_cleared(scene: Scene, clean: Any) -> None:
    dag = example(DAG_ID)
    run = run_dag(dag)
    for task_id in TAKING_AWAY:
        run = run_cleared(dag, run, task_id)
        assert run.states == SUCCESS, task_id
        clean()
