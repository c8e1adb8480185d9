"""PolytomicBatchRotateApiKeysOperator with an emulated Polytomic and Airflow's local secrets backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConfigurationError,
    PolytomicTaskStoppedError,
)
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator
from tests.batches import add_customers, assert_one_live_key_each, mints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures import Scene

    Context = Callable[..., Any]

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def rows(scene: Scene) -> list[dict[str, str]]:
    return add_customers(scene, 6)


def operator(rows: Any, **given: Any) -> PolytomicBatchRotateApiKeysOperator:
    return PolytomicBatchRotateApiKeysOperator(
        **{"task_id": "rotate", "targets": rows, "max_age": 0, "retries": 2, "retry_for": 60.0, **given}
    )


def test_the_summary_is_small_json_without_a_byte_of_any_key(scene: Scene, rows: Any, context: Context) -> None:
    summary = operator(rows).execute(context())
    text = json.dumps(summary)
    assert (summary["targets"], summary["rotated"], summary["failures"]) == (6, 6, [])
    assert_one_live_key_each(scene, rows)
    assert not [
        key for key in scene.emulator.all_keys() if any(key[at : at + 12] in text for at in range(len(key) - 11))
    ]


def test_the_targets_can_be_a_file_and_the_report_is_one(
    scene: Scene, rows: Any, context: Context, tmp_path: Path
) -> None:
    targets, report = tmp_path / "targets.jsonl", tmp_path / "report.jsonl"
    targets.write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = operator(f"file://{targets}", report_path=f"file://{report}").execute(context())
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
        (False, False, 1, IssuanceRefusedError),
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
        # Longer than a try waits, so that no request is repeated.
        fault = f"status:503 endpoint=create_api_key user={rows[0]['user_id']} retry_after=3600 times=always"
        scene.emulator.inject(fault)
    airflow_context = context(try_number=number, max_tries=2)
    if raised is None:
        assert given.execute(airflow_context) == airflow_context["ti"].pushed["summary"]
    else:
        with pytest.raises(raised) as caught:
            given.execute(airflow_context)
        assert caught.value.reason == "targets_failed"
        assert str(caught.value).startswith("1 of 6 targets failed and 0 were not started; the other 5 succeeded.")
    summary = airflow_context["ti"].pushed["summary"]
    assert (summary["rotated"], summary["failed"]) == (5, 1)


def test_a_task_whose_result_is_not_to_go_to_xcom_pushes_nothing_when_it_fails(
    scene: Scene, rows: Any, context: Context
) -> None:
    airflow_context = context(max_tries=2)
    with pytest.raises(IssuanceRefusedError):
        operator([dict(rows[0], user_id=NOBODY)], do_xcom_push=False).execute(airflow_context)
    assert airflow_context["ti"].pushed == {}


def test_what_goes_wrong_for_all_ends_it_and_says_how_many_are_left(scene: Scene, context: Context) -> None:
    rows = add_customers(scene, 20)
    scene.emulator.inject("status:403 endpoint=create_api_key times=always")
    # A retry can help: an earlier try may have left a target half done that was not started now.
    given = context(max_tries=2)
    with pytest.raises(IssuanceIncompleteError) as caught:
        operator(rows, max_failures=2, max_workers=2, allow_failures=True).execute(given)
    assert caught.value.reason == "max_failures"
    assert given["ti"].pushed["summary"]["stopped"].startswith("2 targets failed with PolytomicForbiddenError")
    assert 2 <= len(scene.posts) <= 2 + 2


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("max_workers", [0, 33, "many", 2.5, True]),
        ("max_per_second", [0, "fast"]),
        ("max_failures", [0, 0.5, 10.0, -1, "few"]),
        ("max_age", ["old", None]),
        ("check_only", ["perhaps"]),
        ("allow_failures", ["perhaps"]),
        ("take_over", [1]),
        ("shards", [0]),
        ("shard", ["range(0, 8)"]),
        ("report_path", [7]),
    ],
)
def test_an_invalid_parameter_is_refused_before_any_request(
    scene: Scene, rows: Any, context: Context, name: str, values: list[object]
) -> None:
    for value in values:
        with pytest.raises(PolytomicConfigurationError) as caught:
            operator(rows, **{name: value}).execute(context())
        assert name in caught.value.fields
    assert scene.emulator.requests == []


def test_rendered_strings_have_their_meaning(scene: Scene, rows: Any, context: Context) -> None:
    given = {
        "max_workers": "3",
        "max_per_second": "100",
        "max_failures": "None",
        "max_age": "60",
        "check_only": "False",
    }
    assert operator(rows, report_path="None", allow_failures="true", **given).execute(context())["rotated"] == 6


def test_the_log_shows_the_progress(scene: Scene, rows: Any, context: Context, logged: Callable[[], str]) -> None:
    operator(rows).execute(context())
    assert "6 of 6 targets (100 %): 6 rotated" in logged()


def test_a_stopped_task_does_nothing_and_can_be_retried(scene: Scene, rows: Any, context: Context) -> None:
    given = operator(rows)
    given.on_kill()
    airflow_context = context(max_tries=2)
    with pytest.raises(PolytomicTaskStoppedError):
        given.execute(airflow_context)
    assert airflow_context["ti"].pushed["summary"]["not_started"] == 6
    assert scene.posts == []


def test_without_retries_it_warns(scene: Scene, rows: Any, context: Context, logged: Callable[[], str]) -> None:
    operator(rows, retries=0).execute(context())
    assert "retries=0" in logged()
    operator(rows).execute(context())
    assert "retries=0" not in logged()


def test_a_summary_that_cannot_be_pushed_costs_nothing_but_a_warning(
    scene: Scene, rows: Any, context: Context, logged: Callable[[], str]
) -> None:
    def refuse(key: str, value: object) -> None:
        raise ConnectionError(f"{key} {value}")

    airflow_context = context()
    airflow_context["ti"].xcom_push = refuse
    assert operator(rows).execute(airflow_context)["rotated"] == 6
    assert "could not be pushed to XCom (ConnectionError)" in logged()
