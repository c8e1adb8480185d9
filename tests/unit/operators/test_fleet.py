"""What does PolytomicBatchRotateApiKeysOperator do? Against a real server and Airflow's own secrets backend."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.exceptions import IssuanceIncompleteError, PolytomicStoppedError
from airflow_provider_polytomic.operators.fleet import PolytomicBatchRotateApiKeysOperator
from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.fleets import add_customers, assert_one_live_key_each, mints
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.scene import Scene

    Context = Callable[..., dict[str, Any]]

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def rows(scene: Scene) -> list[dict[str, str]]:
    return add_customers(scene, 6)


def operator(rows: Any, **given: Any) -> PolytomicBatchRotateApiKeysOperator:
    return PolytomicBatchRotateApiKeysOperator(
        **{"task_id": "rotate", "targets": rows, "max_age": 0, "retries": 2, "retry_for": 3.0, **given}
    )


def test_the_summary_is_small_json_without_a_byte_of_any_key(scene: Scene, rows: Any, context: Context) -> None:
    summary = operator(rows).execute(context())
    text = json.dumps(summary)
    assert (summary["targets"], summary["rotated"], summary["failures"]) == (6, 6, [])
    assert_one_live_key_each(scene, rows)
    assert not [
        key for key in scene.emulator.all_keys() if any(key[at : at + 12] in text for at in range(len(key) - 11))
    ]


def test_young_keys_are_kept_and_those_of_the_last_run_are_due(scene: Scene, rows: Any, context: Context) -> None:
    for day, rotated in ((0, 6), (0, 0), (7, 6), (10, 0)):
        run_time = MONDAY + timedelta(days=day)
        scene.emulator.now = lambda now=run_time: now  # type: ignore[misc]  # of each
        summary = operator(rows, max_age=timedelta(days=7)).execute(context(run_time))
        assert (summary["rotated"], summary["kept"]) == (rotated, 6 - rotated)
    assert mints(scene, rows) == [2] * 6


def test_the_targets_can_be_a_file_and_the_report_is_one(
    scene: Scene, rows: Any, context: Context, tmp_path: Path
) -> None:
    fleet, report = tmp_path / "fleet.jsonl", tmp_path / "report.jsonl"
    fleet.write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = operator(f"file://{fleet}", report_path=f"file://{report}").execute(context())
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert {line["user_id"] for line in lines} == {row["user_id"] for row in rows}
    assert {line["status"] for line in lines} == {"rotated"}
    assert summary["report_path"] == f"file://{report}"
    assert not [key for key in scene.emulator.all_keys() if key in report.read_text()]


def test_the_shards_share_the_targets_out_among_them(scene: Scene, rows: Any, context: Context) -> None:
    summaries = [operator(rows, shard=str(n), shards="3").execute(context()) for n in range(3)]
    assert sum(summary["targets"] for summary in summaries) == 6
    assert mints(scene, rows) == [1] * 6


@pytest.mark.parametrize(
    ("retryable", "allowed", "number", "raised"),
    [
        (False, False, 1, AirflowFailException),
        (True, False, 1, IssuanceIncompleteError),
        (True, False, 3, IssuanceIncompleteError),
        (False, True, 1, None),
        (True, True, 1, IssuanceIncompleteError),
        (True, True, 3, None),
    ],
)
def test_a_failure_fails_the_task_with_its_summary_in_xcom_unless_it_is_allowed_and_no_retry_is_left_to_help(
    scene: Scene, rows: Any, context: Context, *, retryable: bool, allowed: bool, number: int, raised: Any
) -> None:
    given = operator([dict(rows[0], user_id=NOBODY) if not retryable else rows[0], *rows[1:]], allow_failures=allowed)
    if retryable:
        scene.emulator.inject(f"status:503 endpoint=create_api_key user={rows[0]['user_id']} times=always")
    of_airflow = context(try_number=number, max_tries=2)
    if raised is None:
        assert given.execute(of_airflow) == of_airflow["ti"].pushed["summary"]
    else:
        with pytest.raises(raised, match="1 of 6 targets failed, 0 were not started; the other 5 are as they should"):
            given.execute(of_airflow)
    summary = of_airflow["ti"].pushed["summary"]
    assert (summary["rotated"], summary["failed"]) == (5, 1)


def test_a_task_whose_result_is_not_to_go_to_xcom_pushes_nothing_when_it_fails(
    scene: Scene, rows: Any, context: Context
) -> None:
    of_airflow = context(max_tries=2)
    with pytest.raises(AirflowFailException):
        operator([dict(rows[0], user_id=NOBODY)], do_xcom_push=False).execute(of_airflow)
    assert of_airflow["ti"].pushed == {}


def test_a_retry_does_only_what_is_left(scene: Scene, rows: Any, context: Context) -> None:
    scene.emulator.inject(f"status:503 endpoint=create_api_key user={rows[2]['user_id']} times=always")
    with pytest.raises(IssuanceIncompleteError):
        operator(rows).execute(context(max_tries=2))
    scene.emulator.clear_faults()
    posts = len(scene.posts)
    summary = operator(rows).execute(context(try_number=2, max_tries=2))
    assert (summary["rotated"], summary["failed"]) == (6, 0)
    assert [post.path for post in scene.posts[posts:]] == [
        f"/api/organizations/{rows[2]['org_id']}/users/{rows[2]['user_id']}/keys"
    ]
    assert mints(scene, rows) == [1] * 6


def test_what_goes_wrong_for_all_ends_it_and_says_how_many_are_left(scene: Scene, context: Context) -> None:
    rows = add_customers(scene, 20)
    scene.emulator.inject("status:403 endpoint=create_api_key times=always")
    stopped = r"were not started.*It was stopped: 2 targets failed with Polytomic"
    # It can be retried: an earlier try may have left one of those that were not started half done.
    with pytest.raises(IssuanceIncompleteError, match=stopped):
        operator(rows, max_failures=2, max_workers=2, allow_failures=True).execute(context(max_tries=2))
    assert 2 <= len(scene.posts) <= 2 + 2


@pytest.mark.parametrize("twice", ["user_id", "destination"])
def test_what_is_named_twice_is_refused_before_anything_is_sent(
    scene: Scene, rows: Any, context: Context, twice: str
) -> None:
    rows[4][twice] = rows[1][twice]
    if twice == "user_id":
        rows[4]["org_id"] = rows[1]["org_id"]
    with pytest.raises(AirflowFailException, match="item 2"):
        operator(rows).execute(context())
    assert scene.emulator.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_workers", 0),
        ("max_workers", 33),
        ("max_workers", "many"),
        ("max_workers", 2.5),
        ("max_workers", True),
        ("max_per_second", 0),
        ("max_per_second", "fast"),
        ("max_failures", 0),
        ("max_failures", 0.5),
        ("max_failures", 10.0),
        ("max_failures", -1),
        ("max_failures", "few"),
        ("max_age", "old"),
        ("check_only", "perhaps"),
        ("allow_failures", "perhaps"),
        ("take_over", 1),
        ("shards", 0),
        ("shard", "range(0, 8)"),
        ("report_path", 7),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused_before_anything_is_sent(
    scene: Scene, rows: Any, context: Context, name: str, value: object
) -> None:
    with pytest.raises(AirflowFailException, match=name):
        operator(rows, **{name: value}).execute(context())
    assert scene.emulator.requests == []


def test_rendered_texts_mean_what_they_say(scene: Scene, rows: Any, context: Context) -> None:
    given = {
        "max_workers": "3",
        "max_per_second": "100",
        "max_failures": "None",
        "max_age": "60",
        "check_only": "False",
    }
    assert operator(rows, report_path="None", allow_failures="true", **given).execute(context())["rotated"] == 6


def test_the_log_tells_how_far_it_is(scene: Scene, rows: Any, context: Context, said: Callable[[], str]) -> None:
    operator(rows).execute(context())
    assert "6 of 6 targets (100 %): 6 rotated" in said()


def test_a_task_that_was_told_to_end_does_nothing_and_can_be_retried(scene: Scene, rows: Any, context: Context) -> None:
    given = operator(rows)
    given.on_kill()
    with pytest.raises(PolytomicStoppedError, match="0 keys were rotated, 6 targets were not started"):
        given.execute(context(max_tries=2))
    assert scene.posts == []


def test_without_retries_it_warns(scene: Scene, rows: Any, context: Context, said: Callable[[], str]) -> None:
    operator(rows, retries=0).execute(context())
    assert "retries=0" in said()
    operator(rows).execute(context())
    assert "retries=0" not in said()
