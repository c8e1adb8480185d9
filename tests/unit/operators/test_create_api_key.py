"""What does PolytomicCreateApiKeyOperator do? Against a real server and Airflow's own secrets backend."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
from airflow.providers.common.compat.sdk import redact

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError, PolytomicStoppedError
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.scene import CONNECTION, Scene
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = Callable[..., dict[str, Any]]
    Said = Callable[[], str]


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


def test_force_issues_anew_once_a_run(scene: Scene, context: Context) -> None:
    monday, tuesday = (datetime.now(MONDAY.tzinfo) + timedelta(days=days) for days in (1, 2))
    first = operator(scene, force=True).execute(context(monday))
    cleared = operator(scene, force=True).execute(context(monday))
    next_run = operator(scene, force=True).execute(context(tuesday))
    assert [r["issued"] for r in (first, cleared, next_run)] == [True, False, True]
    assert first["fingerprint"] == cleared["fingerprint"] != next_run["fingerprint"]
    assert [post.query["force"] for post in scene.posts] == ["true", "true"]
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


def test_check_only_issues_nothing_and_says_what_it_would_do(scene: Scene, context: Context) -> None:
    before = scene.entries()
    prospect = operator(scene, check_only=True).execute(context())
    assert prospect["would_issue"] is True
    assert set(prospect) == {"destination", "issued", "org_id", "reason", "server", "user_id", "would_issue"}
    assert scene.ids.items() <= prospect.items()
    assert scene.posts == []
    assert scene.entries() == before
    json.dumps(prospect)


def test_check_only_fails_where_the_callers_key_cannot_issue(scene: Scene, context: Context) -> None:
    user_key = scene.emulator.give_key(scene.ids["user_id"])
    scene.put("polytomic_default", **scene.entries()["polytomic_default"] | {"password": user_key})
    with pytest.raises(AirflowFailException, match="not a partner key"):
        operator(scene, check_only=True).execute(context())
    assert scene.posts == []


def test_check_only_heeds_take_over(scene: Scene, context: Context) -> None:
    scene.put("acme_polytomic", conn_type="postgres", host="db.example", password="correct-horse-battery")
    with pytest.raises(AirflowFailException, match="take_over"):
        operator(scene, check_only=True).execute(context())
    assert operator(scene, check_only=True, take_over=True).execute(context())["would_issue"] is True
    assert scene.stored() == "correct-horse-battery"
    assert scene.posts == []


def test_check_only_tells_that_a_working_key_would_be_kept(scene: Scene, context: Context) -> None:
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
    with pytest.raises(AirflowFailException, match="polytomic_conn_id"):
        operator(scene, destination=destination, take_over=True).execute(context())
    assert scene.emulator.requests == []
    assert scene.stored("polytomic_default") == scene.emulator.partner_key


def test_a_copy_of_the_callers_key_under_another_name_is_refused_too(scene: Scene, context: Context) -> None:
    scene.put("acme_polytomic", **scene.entries()["polytomic_default"])
    with pytest.raises(AirflowFailException, match="own key"):
        operator(scene, take_over=True).execute(context())
    assert scene.posts == []
    assert scene.stored() == scene.emulator.partner_key


def test_what_this_package_did_not_store_is_neither_sent_nor_replaced_unless_taken_over(
    scene: Scene, context: Context
) -> None:
    scene.put("acme_polytomic", conn_type="postgres", host="db.example", password="correct-horse-battery")
    with pytest.raises(AirflowFailException, match="take_over"):
        operator(scene).execute(context())
    assert scene.posts == []
    assert not any("correct-horse-battery" in str(request.headers) for request in scene.emulator.requests)
    assert scene.stored() == "correct-horse-battery"
    operator(scene, take_over="True").execute(context())
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


def test_after_on_kill_no_post_is_sent_and_the_retry_issues(scene: Scene, context: Context) -> None:
    killed = operator(scene)
    killed.on_kill()
    with pytest.raises(PolytomicStoppedError, match="told to end"):
        killed.execute(context())
    assert scene.posts == []
    assert operator(scene).execute(context())["issued"] is True


def test_on_kill_after_the_mint_lets_the_new_key_be_stored(scene: Scene, context: Context) -> None:
    scene.emulator.inject("delay:0.5 endpoint=get_identity")
    issuing = operator(scene)

    def kill_once_minted() -> None:
        while not scene.emulator.received("get_identity"):
            time.sleep(0.01)
        issuing.on_kill()

    killer = threading.Thread(target=kill_once_minted)
    killer.start()
    assert issuing.execute(context())["issued"] is True
    killer.join()
    assert scene.stored() == scene.emulator.live_key(scene.user.id)


def test_one_line_at_the_end_tells_an_on_call_person_what_happened(scene: Scene, context: Context, said: Said) -> None:
    reference = operator(scene).execute(context())
    line = next(line for line in said().splitlines() if "Issued a new API key" in line)
    details = ("issuance_id: ", "seconds: {", "'mint': ")
    for told in (*scene.ids.values(), CONNECTION, f"{reference['fingerprint'][:8]},", *details):
        assert told in line
    operator(scene).execute(context())
    assert "Kept the stored API key" in said()


@pytest.mark.parametrize(
    ("given", "warns"),
    [
        ({"force": True, "retries": 0}, True),
        ({"force": "True", "retries": 0}, True),
        ({"force": True}, False),
        ({"retries": 0}, False),
    ],
)
def test_a_forced_issuance_without_retries_is_warned_of(
    scene: Scene, context: Context, said: Said, given: dict[str, Any], warns: bool
) -> None:
    operator(scene, **given).execute(context())
    assert ("retries=0" in said()) is warns


def test_pooled_connections_are_closed_even_if_the_error_lives_on(scene: Scene, context: Context) -> None:
    scene.emulator.inject("status:403 endpoint=create_api_key")
    with pytest.raises(AirflowFailException):
        operator(scene).execute(context())
    scene.emulator.inject("status:409 endpoint=create_api_key times=always")
    with pytest.raises(IssuanceIncompleteError) as caught:
        operator(scene, retry_for=0.5).execute(context())
    port = urlsplit(scene.emulator.base_url).port
    connections = psutil.Process().net_connections("tcp")
    assert [c for c in connections if c.raddr and c.raddr.port == port and c.status == psutil.CONN_ESTABLISHED] == []
    assert caught.tb is not None  # it holds the frames, and so the hook, until here


def test_the_new_key_is_masked_in_whatever_airflow_logs_afterwards(scene: Scene, context: Context) -> None:
    operator(scene).execute(context())
    key = scene.emulator.live_key(scene.user.id)
    assert key not in redact(f"somebody prints {key}")
