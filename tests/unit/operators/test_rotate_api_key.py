"""PolytomicRotateApiKeyOperator with an emulated Polytomic and Airflow's local secrets backend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    IssuanceRefusedError,
    PolytomicConfigurationError,
)
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator, PolytomicRotateApiKeyOperator
from tests.fixtures import CONNECTION, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.testing import User

    Context = Callable[..., Any]
    Logged = Callable[[], str]

WEEK = timedelta(days=7)
NOW = datetime.now(UTC)
NOBODY = "00000000-0000-4000-8000-000000000000"


def operator(scene: Scene, **given: Any) -> PolytomicRotateApiKeyOperator:
    return PolytomicRotateApiKeyOperator(
        **{"task_id": "rotate", "destination": CONNECTION, "max_age": 0, "retries": 1, **scene.ids, **given}
    )


@pytest.fixture
def standby(scene: Scene) -> User:
    """A second user of the customer."""
    return scene.emulator.add_user(scene.user.organization_id, "standby@acme.example")


def live(scene: Scene, *users: User) -> list[list[str]]:
    return [scene.emulator.keys_of(user.id) for user in users]


def test_a_destination_that_holds_nothing_gets_its_first_key(scene: Scene, context: Context) -> None:
    reference = operator(scene, max_age=WEEK).execute(context(NOW))
    assert reference["issued"] is True
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


@pytest.mark.parametrize(
    "max_age",
    [timedelta(days=6), 6 * 86400, float(6 * 86400), "518400", " 518400.0 "],
    ids=lambda age: type(age).__name__,
)
def test_what_is_older_than_max_age_is_rotated_once_a_run(scene: Scene, context: Context, max_age: object) -> None:
    runs = [NOW, NOW, NOW + timedelta(days=5), NOW + WEEK, NOW + WEEK]
    issued = [operator(scene, max_age=max_age).execute(context(run))["issued"] for run in runs]
    assert issued == [True, False, False, True, False]
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    assert [post.query["force"] for post in scene.posts] == ["true", "true"]


def test_a_weekly_schedule_with_a_max_age_of_a_week_rotates_every_week(scene: Scene, context: Context) -> None:
    runs = [NOW - timedelta(seconds=5) + weeks * WEEK for weeks in range(2)]
    assert [operator(scene, max_age=WEEK).execute(context(run))["issued"] for run in runs] == [True, True]


def test_with_a_max_age_of_zero_each_run_rotates_as_force_does(scene: Scene, context: Context) -> None:
    runs = [NOW, NOW, NOW + timedelta(days=1)]
    assert [operator(scene).execute(context(run))["issued"] for run in runs] == [True, False, True]


def test_a_backfill_of_old_runs_rotates_nothing(scene: Scene, context: Context) -> None:
    operator(scene, max_age=WEEK).execute(context(NOW))
    for weeks in (8, 4, 1):
        assert operator(scene, max_age=WEEK).execute(context(NOW - weeks * WEEK))["issued"] is False
    assert len(scene.posts) == 1


def test_a_key_of_unknown_age_needs_take_over(scene: Scene, context: Context) -> None:
    key = scene.emulator.give_key(scene.user.id)
    scene.put("acme_polytomic", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    with pytest.raises(IssuanceRefusedError) as caught:
        operator(scene, max_age=WEEK).execute(context(NOW))
    assert caught.value.reason == "age_unknown"
    assert scene.posts == []
    assert operator(scene, max_age=WEEK, take_over=True).execute(context(NOW))["issued"] is True


def test_a_created_key_is_rotated_by_its_own_age(scene: Scene, context: Context) -> None:
    PolytomicCreateApiKeyOperator(task_id="issue", destination=CONNECTION, **scene.ids).execute(context(NOW))
    kept = operator(scene, max_age=timedelta(days=6)).execute(context(NOW))
    rotated = operator(scene, max_age=timedelta(days=6)).execute(context(NOW + WEEK))
    assert (kept["issued"], rotated["issued"]) == (False, True)


def test_with_a_standby_user_the_keys_of_two_users_are_stored_in_turn_and_both_work(
    scene: Scene, context: Context, standby: User
) -> None:
    users = (scene.user, standby)
    stored: list[str | None] = []
    for week in range(4):
        reference = operator(scene, standby_user_id=standby.id, max_age=timedelta(days=6)).execute(
            context(NOW + week * WEEK)
        )
        owner = users[week % 2]
        assert (reference["user_id"], reference["issued"]) == (owner.id, True)
        assert [scene.stored()] == scene.emulator.keys_of(owner.id)
        assert all(key in [key for keys in live(scene, *users) for key in keys] for key in stored[-1:])
        stored.append(scene.stored())
    assert len(set(stored)) == 4
    assert [len(keys) for keys in live(scene, *users)] == [1, 1]
    # Between two rotations the stored key is kept, whichever user owns it.
    kept = operator(scene, standby_user_id=standby.id, max_age=timedelta(days=6)).execute(context(NOW + 3 * WEEK))
    assert (kept["issued"], kept["user_id"]) == (False, standby.id)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("standby_user_id", ["same", "standby", "", "None"]),
        ("max_age", ["a week", -1, timedelta(seconds=-1), timedelta.max, float("nan"), float("inf"), True, None]),
        ("skip_if_not_due", ["perhaps"]),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_sent(
    scene: Scene, context: Context, name: str, values: list[object]
) -> None:
    for value in values:
        given = {name: scene.user.id if value == "same" else value}
        with pytest.raises(PolytomicConfigurationError) as caught:
            operator(scene, **given).execute(context(NOW))
        assert name in caught.value.fields
    assert scene.emulator.requests == []


def test_a_key_that_is_not_due_can_be_skipped(scene: Scene, context: Context) -> None:
    rotating = operator(scene, max_age=timedelta(days=6), skip_if_not_due="True")
    assert rotating.execute(context(NOW))["issued"] is True
    with pytest.raises(AirflowSkipException):
        rotating.execute(context(NOW + timedelta(days=1)))
    # In a retry of the run that issued it, the earlier try may have been killed before it returned.
    assert rotating.execute(context(NOW, try_number=2))["issued"] is False
    assert rotating.execute(context(NOW + WEEK))["issued"] is True


def test_an_older_run_that_is_cleared_does_not_claim_what_a_later_one_has_issued(
    scene: Scene, context: Context
) -> None:
    rotating = operator(scene, skip_if_not_due=True)
    for run in (NOW - WEEK, NOW + timedelta(hours=1)):
        assert rotating.execute(context(run))["issued"] is True
    cleared = context(NOW - WEEK, try_number=2)
    with pytest.raises(AirflowSkipException):
        rotating.execute(cleared)


def test_check_only_names_the_user_whose_turn_it_is(scene: Scene, context: Context, standby: User) -> None:
    given = {"standby_user_id": standby.id, "max_age": timedelta(days=6)}
    operator(scene, **given).execute(context(NOW))
    fresh = operator(scene, check_only=True, **given).execute(context(NOW + timedelta(days=1)))
    due = operator(scene, check_only=True, skip_if_not_due=True, **given).execute(context(NOW + WEEK))
    assert (fresh["would_issue"], due["would_issue"]) == (False, True)
    assert standby.id in due["reason"]
    assert len(scene.posts) == 1


@pytest.mark.parametrize("with_standby", [False, True])
def test_a_rotation_with_an_outage_and_without_retries_logs_a_warning(
    scene: Scene, context: Context, logged: Logged, standby: User, with_standby: bool
) -> None:
    given = {"standby_user_id": standby.id} if with_standby else {}
    operator(scene, retries=0, **given).execute(context(NOW))
    assert ("retries=0" in logged()) is not with_standby


def test_the_message_at_the_end_names_the_user_whose_key_is_stored(
    scene: Scene, context: Context, messages: Callable[[], list[str]], standby: User
) -> None:
    for week in range(2):
        reference = operator(scene, standby_user_id=standby.id).execute(context(NOW + week * WEEK))
    key = scene.stored()
    assert key
    assert reference["fingerprint"] == ApiKey(key).fingerprint
    issued = [message for message in messages() if "issued a new API key" in message]
    assert issued[-1].startswith(f"{CONNECTION}: issued a new API key for user {standby.id} in ")
