"""The rotation examples: they rotate a key once a week, and never twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.dag_runs.examples import ENDS_THE_TRY, assert_no_key_in, example
from tests.dag_runs.in_process import run_cleared, run_dag, xcom_of

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_polytomic.testing import User
    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

WEEKLY, WITHOUT_OUTAGE = "polytomic_rotate_api_key", "polytomic_rotate_without_outage"
WEEK = timedelta(days=7)
# Requests of a rotation, by endpoint; docs/rotate-on-a-schedule.md has the same table.
ROUND_TRIPS = {
    "create_api_key": 1,
    # For Polytomic's time, with the new key, and with the key that was read back.
    "get_identity": 3,
}


@pytest.fixture
def now() -> datetime:
    """Return the time of the first run; 2.11 runs no DAG run of the future."""
    return datetime.now(UTC) - timedelta(hours=1)


def let_time_pass(scene: Scene, time: timedelta) -> None:
    """Let time pass: change the record of each stored key to an earlier time of issue."""
    for file in scene.connections.parent.rglob("connection.*.json"):
        record = json.loads(file.read_text())
        for moment in {"issued_at", "opened_at", "dag_run_time"} & record.keys():
            record[moment] = (datetime.fromisoformat(record[moment]) - time).isoformat()
        file.write_text(json.dumps(record))


@pytest.fixture
def standby(scene: Scene) -> User:
    """Return a second user of the customer."""
    return scene.emulator.add_user(scene.user.organization_id, "standby@acme.example")


def test_the_key_of_each_week_is_another_one(scene: Scene, airflow_db: Path, now: datetime) -> None:
    stored = set()
    for week in range(3):
        run = run_dag(example(WEEKLY), at=now + timedelta(minutes=week), conf=scene.ids)
        assert run.states == {"rotate_api_key": "success", "who_am_i": "success"}
        assert xcom_of(run, "who_am_i") == scene.user.email
        assert xcom_of(run, "rotate_api_key")["issued"] is True
        stored.add(scene.stored())
        assert scene.stored() == scene.emulator.live_key(scene.user.id)
        let_time_pass(scene, WEEK)
    assert len(stored) == scene.emulator.minted() == 3
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


def test_a_rotation_asks_polytomic_no_more_than_documented(scene: Scene, now: datetime) -> None:
    run_dag(example(WEEKLY), at=now, conf=scene.ids)
    before = scene.emulator.counts()
    let_time_pass(scene, WEEK)
    run_dag(example(WEEKLY), at=now + timedelta(minutes=1), conf=scene.ids)
    asked = {name: count - before.get(name, 0) for name, count in scene.emulator.counts().items()}
    asked["get_identity"] -= 1  # who_am_i
    assert asked == ROUND_TRIPS


def test_a_cleared_run_and_a_run_between_two_weeks_keep_the_key(scene: Scene, now: datetime) -> None:
    dag = example(WEEKLY)
    run = run_dag(dag, at=now, conf=scene.ids)
    key = scene.stored()
    cleared = run_cleared(dag, run, "rotate_api_key")
    assert cleared.tries["rotate_api_key"] == 2
    assert xcom_of(cleared, "rotate_api_key")["issued"] is False
    let_time_pass(scene, timedelta(days=3))
    assert run_dag(dag, at=now + timedelta(minutes=1), conf=scene.ids).state == "success"
    assert (scene.stored(), scene.emulator.minted()) == (key, 1)


def test_runs_of_weeks_gone_by_rotate_nothing(scene: Scene, now: datetime) -> None:
    run_dag(example(WEEKLY), at=now, conf=scene.ids)
    for week in (6, 3, 1):
        assert run_dag(example(WEEKLY), at=now - week * WEEK, conf=scene.ids).state == "success"
    assert scene.emulator.minted() == 1


@pytest.mark.parametrize("name", [WEEKLY, WITHOUT_OUTAGE])
@pytest.mark.parametrize("fault", ["status:502 when=after endpoint=create_api_key", "status:503 endpoint=get_identity"])
def test_a_request_that_fails_costs_a_try_at_most(
    scene: Scene, standby: User, now: datetime, name: str, fault: str
) -> None:
    conf = {**scene.ids, **({"standby_user_id": standby.id} if name == WITHOUT_OUTAGE else {})}
    run_dag(example(name), at=now, conf=conf)
    scene.emulator.inject(f"{fault} {ENDS_THE_TRY}")
    let_time_pass(scene, WEEK)
    run = run_dag(example(name), at=now + timedelta(minutes=1), conf=conf)
    assert run.state == "success"
    assert run.tries["rotate_api_key"] <= 2
    owner = standby if name == WITHOUT_OUTAGE else scene.user
    assert scene.stored() == scene.emulator.live_key(owner.id)
    assert scene.emulator.minted() == 2


def test_two_users_take_turns_and_last_weeks_key_works_on(
    scene: Scene, airflow_db: Path, standby: User, now: datetime
) -> None:
    conf = {**scene.ids, "standby_user_id": standby.id}
    last: str | None = None
    for week in range(4):
        run = run_dag(example(WITHOUT_OUTAGE), at=now + timedelta(minutes=week), conf=conf)
        owner, other = (scene.user, standby) if week % 2 == 0 else (standby, scene.user)
        assert run.states == {"rotate_api_key": "success", "tell_the_team": "success"}
        assert xcom_of(run, "tell_the_team").endswith(f"the key of user {owner.id}.")
        assert scene.emulator.keys_of(owner.id) == [scene.stored()]
        assert scene.emulator.keys_of(other.id) == ([last] if last else [])
        last = scene.stored()
        let_time_pass(scene, WEEK)
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


def test_where_nothing_was_rotated_what_follows_is_skipped(scene: Scene, standby: User, now: datetime) -> None:
    conf = {**scene.ids, "standby_user_id": standby.id}
    run_dag(example(WITHOUT_OUTAGE), at=now, conf=conf)
    let_time_pass(scene, timedelta(days=1))
    run = run_dag(example(WITHOUT_OUTAGE), at=now + timedelta(minutes=1), conf=conf)
    assert run.states == {"rotate_api_key": "skipped", "tell_the_team": "skipped"}
    assert scene.emulator.minted() == 1
