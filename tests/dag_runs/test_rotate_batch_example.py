"""The example that rotates many keys: it rotates all keys of a file, and reports those that fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.batches import add_customers, assert_one_live_key_each, mints
from tests.dag_runs.examples import assert_no_key_in, example
from tests.dag_runs.in_process import run_dag
from tests.dag_runs.test_rotation import let_time_pass

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dag_runs.in_process import Run
    from tests.fixtures import Scene

SHARDS: int = import_module("dags_examples.polytomic_rotate_batch").SHARDS

pytestmark = pytest.mark.usefixtures("airflow_db")

NAME = "polytomic_rotate_batch"
NIGHT = timedelta(days=1)
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def rows(scene: Scene) -> list[dict[str, str]]:
    return add_customers(scene, 10)


class Nights:
    """Nightly runs of the example on a file of targets."""

    def __init__(self, folder: Path) -> None:
        self.targets, self.report = folder / "targets.jsonl", folder / "report.jsonl"
        # 2.11 runs no DAG run of the future.
        self._next = datetime.now(UTC) - timedelta(hours=1)

    def run(self, rows: list[dict[str, str]], **params: Any) -> Run:
        """Run the example with these targets."""
        self.targets.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self._next += timedelta(minutes=1)
        # All parameters: on 2.11 those of an earlier run in this process stay.
        conf = {"targets": self.targets.as_uri(), "report": self.report.as_uri(), "check_only": False, **params}
        return run_dag(example(NAME, any_file=True), at=self._next, conf=conf)

    def statuses(self) -> dict[str, str]:
        """Return the status of each user in the reports of all shards."""
        reports = [self.report.with_name(f"report.shard-{n}-of-{SHARDS}.jsonl") for n in range(SHARDS)]
        lines: list[dict[str, Any]] = [json.loads(line) for each in reports for line in each.read_text().splitlines()]
        assert len({line["user_id"] for line in lines}) == len(lines)
        return {line["user_id"]: line["status"] for line in lines}


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


def test_each_key_is_rotated_every_seventh_night(
    scene: Scene, airflow_db: Path, rows: list[dict[str, str]], nights: Nights
) -> None:
    night = 0
    for following in (6, 7):
        due = night % 7 == 0
        run = nights.run(rows)
        assert run.states == {f"rotate_api_keys[{n}]": "success" for n in range(SHARDS)}
        assert nights.statuses() == {row["user_id"]: "rotated" if due else "kept" for row in rows}
        let_time_pass(scene, (following - night) * NIGHT)
        night = following
    run = nights.run(rows)
    assert set(nights.statuses().values()) == {"rotated"}
    assert mints(scene, rows) == [2] * len(rows)
    assert_one_live_key_each(scene, rows)
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


def test_a_failed_target_stops_no_other_is_reported_and_is_rotated_the_next_night(
    scene: Scene, rows: list[dict[str, str]], nights: Nights, caplog: pytest.LogCaptureFixture
) -> None:
    mistyped = [{**rows[0], "user_id": NOBODY}, *rows[1:]]
    run = nights.run(mistyped)
    assert sorted(run.states.values()) == ["failed", *["success"] * (SHARDS - 1)]
    assert set(run.tries.values()) == {1}  # a retry cannot help
    assert nights.statuses() == {NOBODY: "failed", **{row["user_id"]: "rotated" for row in rows[1:]}}
    messages = [record.getMessage() for record in caplog.records if record.name.endswith(NAME)]
    assert len(messages) == 2
    assert "1 of " in messages[0]
    assert messages[1].startswith(f"{rows[0]['destination']} of user {NOBODY}: IssuanceRefusedError: ")
    let_time_pass(scene, NIGHT)
    assert nights.run(rows).state == "success"
    assert mints(scene, rows) == [1] * len(rows)
