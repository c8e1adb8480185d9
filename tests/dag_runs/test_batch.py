"""Rotation of many keys in a DAG run in this process: retries, shards, XCom, events and metastore."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._airflow import metastore
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tests.batches import add_customers, mints
from tests.dag_runs.batch_task import batch_dag
from tests.dag_runs.examples import ENDS_THE_TRY
from tests.dag_runs.in_process import run_dag, xcom_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")


@pytest.fixture
def at() -> datetime:
    """Return the time of a run that is later than the keys of other tests."""
    return datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def rows(scene: Scene) -> list[dict[str, str]]:
    return add_customers(scene, 12)


@pytest.fixture
def dag(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def make(**given: Any) -> Any:
        return batch_dag(re.sub(r"\W+", "_", request.node.name), **{"retry_delay": timedelta(0), **given})

    return make


def test_a_retry_does_only_what_is_left_and_succeeds(
    scene: Scene, at: datetime, rows: Any, dag: Callable[..., Any]
) -> None:
    scene.emulator.inject(f"status:503 endpoint=create_api_key user={rows[3]['user_id']} times=always {ENDS_THE_TRY}")
    made = dag(targets=rows, retries=2, on_retry_callback=lambda _context: scene.emulator.clear_faults())
    run = run_dag(made, at=at)
    assert (run.states, run.tries) == ({"rotate": "success"}, {"rotate": 2})
    assert xcom_of(run, "rotate")["rotated"] == 12
    assert mints(scene, rows) == [1] * 12


def test_a_task_that_fails_for_good_leaves_its_summary_in_xcom(
    scene: Scene, at: datetime, rows: Any, dag: Callable[..., Any]
) -> None:
    rows[3]["user_id"] = "00000000-0000-4000-8000-000000000000"
    run = run_dag(dag(targets=rows, retries=2), at=at)
    assert (run.states, run.tries) == ({"rotate": "failed"}, {"rotate": 1})
    summary = xcom_of(run, "rotate", key="summary")
    assert (summary["rotated"], summary["failed"]) == (11, 1)
    assert summary["failures"][0]["user_id"] == rows[3]["user_id"]


def test_each_new_key_is_an_event_and_a_kept_one_is_none(
    scene: Scene, at: datetime, rows: Any, dag: Callable[..., Any]
) -> None:
    made = dag(targets=rows, shards=[0, 1], max_age=timedelta(days=6))
    run = run_dag(made, at=at)
    assert set(run.states.values()) == {"success"}
    events = events_of(run.run_id)
    assert sorted(extra["user_id"] for extra in events) == sorted(row["user_id"] for row in rows)
    assert not [key for key in scene.emulator.all_keys() if key in json.dumps(events)]
    next_day = run_dag(made, at=at + timedelta(days=1))
    assert set(next_day.states.values()) == {"success"}
    assert events_of(next_day.run_id) == []


def test_threads_share_the_metastore_and_the_way_to_it(
    scene: Scene, at: datetime, dag: Callable[..., Any], configure: Callable[[Mapping[str, str]], None]
) -> None:
    configure({})
    rows = add_customers(scene, 10, where="airflow://variable")
    run = run_dag(dag(targets=rows, max_workers=5), at=at)
    assert run.states == {"rotate": "success"}
    assert xcom_of(run, "rotate")["rotated"] == 10
    for row in rows:
        stored = metastore.get_variable(row["destination"].rpartition("/")[2])
        assert stored == scene.emulator.live_key(row["user_id"])


def events_of(run_id: str) -> list[dict[str, Any]]:
    """Return the ``extra`` of the events of a run."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    table = "asset_event" if AIRFLOW_V_3_0_PLUS else "dataset_event"
    with create_session() as session:
        found = session.execute(text(f"SELECT extra FROM {table} WHERE source_run_id = :run_id"), {"run_id": run_id})
        return [json.loads(extra) for (extra,) in found]
