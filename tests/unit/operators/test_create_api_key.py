"""PolytomicCreateApiKeyOperator with an emulated Polytomic and Airflow's local secrets backend."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import redact

from airflow_provider_polytomic._airflow import masking
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import IssuanceRefusedError, PolytomicConfigurationError
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.fixtures import CONNECTION, Scene
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = Callable[..., Any]
    Logged = Callable[[], str]


def operator(scene: Scene, **given: Any) -> PolytomicCreateApiKeyOperator:
    return PolytomicCreateApiKeyOperator(
        **{"task_id": "issue", "destination": CONNECTION, "retries": 1, **scene.ids, **given}
    )


def test_a_key_is_issued_and_stored_as_a_connection_that_the_next_task_uses(scene: Scene, context: Context) -> None:
    reference = operator(scene).execute(context())
    key = scene.emulator.live_key(scene.user.id)
    assert scene.entries()["acme_polytomic"]["conn_type"] == "polytomic"
    assert scene.entries()["acme_polytomic"]["host"] == scene.emulator.base_url
    assert scene.stored() == key
    assert reference["fingerprint"] == ApiKey(key).fingerprint
    assert reference["issued"] is True


def test_the_reference_is_json_of_ids_and_figures_without_a_byte_of_the_key(scene: Scene, context: Context) -> None:
    reference = operator(scene).execute(context())
    text = json.dumps(reference)
    assert set(reference) == {"destination", "fingerprint", "issued", "issued_at", "org_id", "server", "user_id"}
    assert reference["server"] == scene.emulator.base_url
    assert (reference["destination"], reference["org_id"], reference["user_id"]) == (CONNECTION, *scene.ids.values())
    assert datetime.fromisoformat(reference["issued_at"]).tzinfo is not None
    key = scene.stored()
    assert key
    assert not any(key[at : at + 12] in text for at in range(len(key) - 11))
    assert scene.emulator.partner_key not in text


def test_without_force_a_stored_key_that_works_is_kept(scene: Scene, context: Context) -> None:
    first = operator(scene).execute(context())
    again = operator(scene).execute(context(MONDAY + timedelta(days=7)))
    assert (first["issued"], again["issued"]) == (True, False)
    assert again["fingerprint"] == first["fingerprint"]
    assert again["issued_at"] == first["issued_at"]
    assert len(scene.posts) == 1


def test_force_issues_a_new_key_once_a_run(scene: Scene, context: Context) -> None:
    monday, tuesday = (datetime.now(MONDAY.tzinfo) + timedelta(days=days) for days in (1, 2))
    first = operator(scene, force=True).execute(context(monday))
    cleared = operator(scene, force=True).execute(context(monday))
    next_run = operator(scene, force=True).execute(context(tuesday))
    assert [r["issued"] for r in (first, cleared, next_run)] == [True, False, True]
    assert first["fingerprint"] == cleared["fingerprint"] != next_run["fingerprint"]
    assert [post.query["force"] for post in scene.posts] == ["true", "true"]
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


def test_a_lost_answer_is_repeated_within_one_try_under_one_idempotency_key(scene: Scene, context: Context) -> None:
    scene.emulator.inject("drop endpoint=create_api_key when=after times=2")
    operator(scene).execute(context())
    assert len(scene.posts) == 3
    assert len(set(scene.idempotency_keys)) == 1
    assert scene.emulator.minted(scene.user.id) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("org_id", "acme"),
        ("user_id", ""),
        ("destination", "vault://admin:hunter2@vault/secret"),
        ("force", "maybe"),
        ("take_over", 1),
        ("check_only", "perhaps"),
        ("retry_for", 0),
    ],
)
def test_an_invalid_parameter_is_named_without_what_may_be_a_password(
    scene: Scene, context: Context, name: str, value: object
) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        operator(scene, **{name: value}).execute(context())
    assert caught.value.fields == (name,)
    assert "hunter2" not in str(caught.value)
    assert scene.posts == []


def test_check_only_issues_nothing_and_says_what_it_would_do(scene: Scene, context: Context) -> None:
    before = scene.entries()
    prospect = operator(scene, check_only=True).execute(context())
    assert prospect["would_issue"] is True
    assert set(prospect) == {"destination", "issued", "org_id", "reason", "server", "user_id", "would_issue"}
    assert scene.ids.items() <= prospect.items()
    assert scene.posts == []
    assert scene.entries() == before
    json.dumps(prospect)


def test_check_only_reports_that_a_working_key_would_be_kept(scene: Scene, context: Context) -> None:
    reference = operator(scene).execute(context())
    prospect = operator(scene, check_only=True).execute(context())
    assert prospect == {**reference, "issued": False, "would_issue": False, "reason": prospect["reason"]}
    assert len(scene.posts) == 1


@pytest.mark.parametrize(
    "destination", ["airflow://connection/polytomic_default", "airflow://connection/polytomic%5Fdefault"]
)
def test_the_connection_that_issues_is_refused_as_destination_before_anything_is_sent(
    scene: Scene, context: Context, destination: str
) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        operator(scene, destination=destination, take_over=True).execute(context())
    assert caught.value.reason == "issuing_connection"
    assert scene.emulator.requests == []
    assert scene.stored("polytomic_default") == scene.emulator.partner_key


def test_what_this_package_did_not_store_is_neither_sent_nor_replaced_unless_taken_over(
    scene: Scene, context: Context
) -> None:
    scene.put("acme_polytomic", conn_type="postgres", host="db.example", password="correct-horse-battery")
    with pytest.raises(IssuanceRefusedError) as caught:
        operator(scene).execute(context())
    assert caught.value.reason == "foreign_value"
    assert scene.posts == []
    assert not any("correct-horse-battery" in str(request.headers) for request in scene.emulator.requests)
    assert scene.stored() == "correct-horse-battery"
    operator(scene, take_over="True").execute(context())
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


def test_on_kill_after_the_mint_lets_the_new_key_be_stored(
    scene: Scene, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuing = operator(scene)

    def kill(_key: ApiKey) -> None:
        issuing.on_kill()

    monkeypatch.setattr(masking, "mask_secret", kill)  # the first call with a new key
    assert issuing.execute(context())["issued"] is True
    assert issuing._is_killed()
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


def test_one_message_at_the_end_tells_an_on_call_person_what_happened(
    scene: Scene, context: Context, messages: Callable[[], list[str]]
) -> None:
    reference = operator(scene).execute(context())
    message = messages()[-1]
    assert message.startswith(f"{CONNECTION}: issued a new API key for user {scene.user.id} in ")
    for detail in (scene.ids["org_id"], f"{reference['fingerprint'][:8]},", "issuance_id: ", "seconds: {", "'mint': "):
        assert detail in message
    operator(scene).execute(context())
    assert f"{CONNECTION}: kept the working API key of user" in messages()[-1]


@pytest.mark.parametrize(
    ("given", "warns"),
    [
        ({"force": True, "retries": 0}, True),
        ({"force": "True", "retries": 0}, True),
        ({"force": True}, False),
        ({"retries": 0}, False),
    ],
)
def test_a_forced_issuance_without_retries_logs_a_warning(
    scene: Scene, context: Context, logged: Logged, given: dict[str, Any], warns: bool
) -> None:
    operator(scene, **given).execute(context())
    assert ("retries=0" in logged()) is warns


def test_the_new_key_is_masked_in_whatever_airflow_logs_afterwards(scene: Scene, context: Context) -> None:
    operator(scene).execute(context())
    key = scene.emulator.live_key(scene.user.id)
    assert key not in redact(f"a task prints {key}")
