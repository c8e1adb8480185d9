"""What becomes of a fleet when Airflow runs the DAG? Retries, shards, XCom, events, metastore: all in this process."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS, metastore_variable_get
from tests.fleets import add_customers, assert_one_live_key_each, mints
from tests.integration.fleet_task import fleet_dag
from tests.integration.in_process import run_dag, xcom_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")


@pytest.fixture
def at() -> datetime:
    """The time of a run that no other test has: later than the keys that are issued before it."""
    return datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def rows(scene: Scene) -> list[dict[str, str]]:
    return add_customers(scene, 12)


@pytest.fixture
def dag(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def make(**given: Any) -> Any:
        return fleet_dag(re.sub(r"\W+", "_", request.node.name), **{"retry_delay": timedelta(0), **given})

    return make


def test_one_task_rotates_them_all_once_a_run(scene: Scene, at: datetime, rows: Any, dag: Callable[..., Any]) -> None:
    made = dag(targets=rows, max_age=timedelta(days=6))
    for later, rotated in ((timedelta(0), 12), (timedelta(0), 0), (timedelta(days=7), 12)):
        run = run_dag(made, at=at + later)
        assert run.states == {"rotate": "success"}
        assert (xcom_of(run, "rotate")["rotated"], xcom_of(run, "rotate")["kept"]) == (rotated, 12 - rotated)
    assert mints(scene, rows) == [2] * 12
    assert_one_live_key_each(scene, rows)


def test_shards_are_mapped_and_their_union_is_complete(
    scene: Scene, at: datetime, rows: Any, dag: Callable[..., Any], tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet.csv"
    lines = [",".join(row.values()) for row in rows]
    fleet.write_text("\n".join([",".join(rows[0]), *lines, ""]))
    made = dag(targets=str(fleet), report_path=str(tmp_path / "report.jsonl"), shards=[0, 1, 2])
    run = run_dag(made, at=at)
    assert run.states == {f"rotate[{n}]": "success" for n in range(3)}
    assert run.labels == {f"rotate[{n}]": str(n) for n in range(3)}
    reports = [path.read_text().splitlines() for path in tmp_path.glob("report*")]
    assert len(reports) == 3
    told = sorted(json.loads(line)["user_id"] for report in reports for line in report)
    assert told == sorted(row["user_id"] for row in rows)
    assert mints(scene, rows) == [1] * 12
    assert_one_live_key_each(scene, rows)


def test_a_retry_does_only_what_is_left_and_succeeds(
    scene: Scene, at: datetime, rows: Any, dag: Callable[..., Any]
) -> None:
    scene.emulator.inject(f"status:503 endpoint=create_api_key user={rows[3]['user_id']} times=always")
    made = dag(targets=rows, retries=2, retry_for=1.0, on_retry_callback=lambda _context: scene.emulator.clear_faults())
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


@pytest.mark.parametrize("shards", [None, [0, 1]])
def test_each_new_key_is_an_event_and_a_kept_one_is_none(
    scene: Scene, at: datetime, rows: Any, dag: Callable[..., Any], shards: list[int] | None
) -> None:
    made = dag(targets=rows, shards=shards, max_age=timedelta(days=6))
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
        stored = metastore_variable_get(row["destination"].rpartition("/")[2])
        assert stored == scene.emulator.live_key(row["user_id"])


def events_of(run_id: str) -> list[dict[str, Any]]:
    """Return what came with the events of a run's tasks."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    table = "asset_event" if AIRFLOW_V_3_0_PLUS else "dataset_event"
    with create_session() as session:
        found = session.execute(text(f"SELECT extra FROM {table} WHERE source_run_id = :run_id"), {"run_id": run_id})
        return [json.loads(extra) for (extra,) in found]
