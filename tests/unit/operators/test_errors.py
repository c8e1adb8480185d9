"""What does Airflow make of an error? It retries where that can help, and fails the task at once where it cannot."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.scene import CONNECTION, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = Callable[..., dict[str, Any]]

NOBODY = "00000000-0000-4000-8000-000000000000"


def operator(scene: Scene, **given: Any) -> PolytomicCreateApiKeyOperator:
    defaults = {"task_id": "issue", "destination": CONNECTION, "retry_for": 1.0, **scene.ids}
    return PolytomicCreateApiKeyOperator(**{**defaults, **given})


@pytest.mark.parametrize(
    "fault",
    [
        "drop endpoint=create_api_key times=always",
        "drop endpoint=create_api_key times=always when=after",
        "status:409 endpoint=create_api_key times=always",
        "status:429 endpoint=create_api_key times=always retry_after=0",
        "status:502 endpoint=create_api_key times=always",
        "status:503 endpoint=create_api_key times=always",
        "recorded_500 endpoint=create_api_key",
        "drop endpoint=get_identity times=always",
        "status:503 endpoint=get_identity times=always",
    ],
)
def test_what_can_pass_is_raised_so_that_airflow_retries_and_the_retry_succeeds(
    scene: Scene, context: Context, fault: str
) -> None:
    scene.emulator.inject(fault)
    with pytest.raises(PolytomicError) as caught:
        operator(scene).execute(context())
    assert caught.value.retryable is True
    assert scene.stored() is None or "get_identity" in fault
    scene.emulator.clear_faults()
    reference = operator(scene, retry_for=10.0).execute(context())
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    assert reference["destination"] == CONNECTION


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"user_id": NOBODY}, NOBODY),
        ({"org_id": "acme"}, "org_id"),
        ({"user_id": ""}, "user_id"),
        ({"destination": "airflow://connections/acme"}, "airflow://connection/<conn_id>"),
        ({"destination": ""}, "airflow://connection/<conn_id>"),
        ({"force": "maybe"}, "force"),
        ({"polytomic_conn_id": "nowhere"}, "nowhere"),
        ({"retry_for": 0}, "retry_for"),
    ],
)
def test_what_somebody_must_correct_fails_the_task_at_once(
    scene: Scene, context: Context, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(AirflowFailException) as caught:
        operator(scene, **given).execute(context())
    assert message in str(caught.value)
    assert scene.stored() is None
    assert scene.emulator.keys_of(scene.user.id) == []


def test_a_caller_without_a_partner_key_is_told_what_is_needed(scene: Scene, context: Context) -> None:
    colleague = scene.emulator.add_user(scene.user.organization_id, "bob@acme.example")
    key = scene.emulator.give_key(colleague.id)
    scene.put("polytomic_default", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    with pytest.raises(AirflowFailException, match="partner key") as caught:
        operator(scene).execute(context())
    assert type(caught.value).__name__ == "IssuanceRefusedError"
    for told in scene.ids.values():
        assert told in str(caught.value)


def test_a_retryable_error_names_organization_user_and_destination(scene: Scene, context: Context) -> None:
    scene.emulator.inject("status:503 times=always")
    with pytest.raises(PolytomicError) as caught:
        operator(scene).execute(context())
    printed = "".join(traceback.format_exception(caught.value))
    for told in (*scene.ids.values(), CONNECTION):
        assert told in printed


def test_a_failure_carries_no_other_exception_whose_frames_could_be_printed(scene: Scene, context: Context) -> None:
    with pytest.raises(AirflowFailException) as caught:
        operator(scene, user_id=NOBODY).execute(context())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_destination_that_may_hold_a_password_is_not_repeated(scene: Scene, context: Context) -> None:
    with pytest.raises(AirflowFailException) as caught:
        operator(scene, destination="vault://admin:hunter2@vault/secret").execute(context())
    assert "hunter2" not in str(caught.value)


def test_a_lost_answer_is_repeated_within_one_try_under_one_idempotency_key(scene: Scene, context: Context) -> None:
    scene.emulator.inject("drop endpoint=create_api_key when=after times=2")
    operator(scene, retry_for=30.0).execute(context())
    assert len(scene.posts) == 3
    assert len(set(scene.idempotency_keys)) == 1
    assert scene.emulator.minted(scene.user.id) == 1
