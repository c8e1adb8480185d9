"""Does it hold with the real parts? The hook, a Polytomic over HTTP, and Airflow's own backend on a file."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
)
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, issue
from airflow_provider_polytomic.removing import Removed, remove_key
from airflow_provider_polytomic.secret_stores.opening import open_store
from airflow_provider_polytomic.targets import Target
from airflow_provider_polytomic.testing import Fault, PolytomicEmulator
from tests.docs.mortal import Killed, Mortal
from tests.reasons import raises
from tests.scene import CONNECTION, scene

if TYPE_CHECKING:
    from airflow_provider_polytomic.api_key import ApiKey
    from tests.scene import Scene

__all__ = ["scene"]

VARIABLE = "airflow://variable/acme_polytomic"
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Interrupted:
    """A vendor who is asked about a key while somebody else begins an issuance."""

    hook: PolytomicHook
    scene: Scene

    def __getattr__(self, name: str) -> Any:
        return getattr(self.hook, name)

    def get_identity(self, key: ApiKey | None = None, **given: Any) -> Any:
        if key:
            interrupt(self.scene)
        return self.hook.get_identity(key, **given)


def target(scene: Scene) -> Target:
    return Target.parse(scene.user.organization_id, scene.user.id)


def issue_key(scene: Scene, destination: str = CONNECTION, whose: Target | None = None) -> None:
    with closing(PolytomicHook()) as hook:
        store = open_store(destination, issuer=hook.base_url)
        issue(hook, store, whose or target(scene), Ensure(), hide=lambda _: None)


def remove(destination: str = CONNECTION, *, take_over: bool = False, allow_live: bool = False) -> Removed:
    with closing(PolytomicHook()) as hook:
        store = open_store(destination, issuer=hook.base_url)
        return remove_key(hook, store, take_over=take_over, allow_live=allow_live)


def delete(scene: Scene, path: str) -> None:
    url = f"{scene.emulator.base_url}/api/organizations/{scene.user.organization_id}{path}"
    answer = requests.delete(url, headers={"Authorization": f"Bearer {scene.emulator.partner_key}"}, timeout=10)
    answer.raise_for_status()


def test_a_stored_key_stays_until_its_user_is_deleted_and_then_goes_with_its_record(scene):
    issue_key(scene)
    with raises(IssuanceRefusedError, "key_still_works"):
        remove()
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    delete(scene, f"/users/{scene.user.id}")
    removed = remove()
    assert (removed.removed, removed.target) == (True, target(scene))
    assert set(scene.entries()) == {"polytomic_default"}
    assert remove() == Removed(removed=False)


def interrupt(scene: Scene, destination: str = CONNECTION) -> None:
    """Leave an open record, and a key that is stored nowhere."""
    with closing(PolytomicHook()) as hook:
        store = open_store(destination, issuer=hook.base_url)
        mortal: Any = Mortal(hook, "create_api_key")
        with pytest.raises(Killed):
            issue(mortal, store, target(scene), Ensure(), hide=lambda _: None)


def contents(scene: Scene) -> dict[str, str]:
    """Return what is in the folder of Airflow's secrets, records too."""
    return {file.name: file.read_text() for file in scene.connections.parent.rglob("*") if file.is_file()}


def record(scene: Scene, destination: str = CONNECTION) -> dict[str, str] | None:
    store = open_store(destination, issuer=scene.emulator.base_url)
    found = store.read_record()
    return dict(found) if found else None


def test_an_open_record_stays_until_its_user_is_gone(scene):
    interrupt(scene)
    with raises(IssuanceRefusedError, "user_still_exists"):
        remove()
    delete(scene, f"/users/{scene.user.id}")
    assert remove() == Removed(removed=True, target=target(scene))
    assert record(scene) is None


def test_an_open_record_of_an_organization_that_is_gone_stays_until_somebody_says_so(scene):
    interrupt(scene)
    delete(scene, "")
    with raises(IssuanceRefusedError, "organization_unknown"):
        remove()
    assert remove(allow_live=True) == Removed(removed=True, target=target(scene))
    assert record(scene) is None


@pytest.mark.parametrize("destination", [CONNECTION, VARIABLE])
def test_through_a_connection_to_another_server_nothing_is_removed_and_no_key_is_sent(scene, destination):
    issue_key(scene, destination)
    with PolytomicEmulator() as other:
        scene.put("polytomic_default", conn_type="polytomic", host=other.base_url, password=other.partner_key)
        before = contents(scene)
        with pytest.raises(IssuanceRefusedError):
            remove(destination)
        sent = {request.headers.get("authorization") for request in other.requests}
    assert sent <= {f"Bearer {other.partner_key}"}
    assert contents(scene) == before
    assert scene.emulator.live_key(scene.user.id)


def test_through_a_connection_to_another_server_an_open_record_stays(scene):
    interrupt(scene)
    with PolytomicEmulator() as other:
        scene.put("polytomic_default", conn_type="polytomic", host=other.base_url, password=other.partner_key)
        with raises(IssuanceRefusedError, "organization_unknown"):
            remove()
    assert (record(scene) or {})["state"] == "open"


@pytest.mark.parametrize("destination", [CONNECTION, VARIABLE])
@pytest.mark.parametrize("status", [401, 403])
def test_the_page_of_a_proxy_does_not_say_that_a_key_is_dead(scene, destination, status):
    issue_key(scene, destination)
    before = contents(scene)
    page = "<html>Please sign in</html>"
    scene.emulator.inject(Fault("status", status=status, endpoint="get_identity", times=None, body=page))
    with raises(IssuanceIncompleteError, "proxy_answered"):
        remove(destination)
    assert contents(scene) == before


def test_a_key_that_outlives_its_revocation_for_a_moment_is_asked_about_again(scene):
    with PolytomicEmulator(revocation_delay=1.0) as slow:
        user = slow.add_user(slow.add_organization("Acme").id, "ada@acme.example")
        scene.put("polytomic_default", conn_type="polytomic", host=slow.base_url, password=slow.partner_key)
        slowly = replace(scene, emulator=slow, user=user)
        issue_key(slowly)
        slow.revoke(slow.live_key(user.id))
        asked = slow.counts()["get_identity"]
        assert remove().removed
        assert slow.counts()["get_identity"] - asked >= 3, "not again, and then about the caller"


def test_a_text_beside_an_interrupted_issuance_is_sent_nowhere(scene):
    interrupt(scene, VARIABLE)
    delete(scene, f"/users/{scene.user.id}")
    assert_sent_nowhere(scene, target(scene))


def test_a_text_beside_a_failed_issuance_is_sent_nowhere(scene):
    mistyped = Target.parse(scene.user.organization_id, NOBODY)
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        issue_key(scene, VARIABLE, mistyped)
    assert_sent_nowhere(scene, mistyped)


def assert_sent_nowhere(scene: Scene, whose: Target) -> None:
    variables = scene.connections.with_name("variables.json")
    variables.write_text(json.dumps({"acme_polytomic": "warehouse-password"}))
    with raises(IssuanceRefusedError, "unknown_value"):
        remove(VARIABLE)
    assert json.loads(variables.read_text()) == {"acme_polytomic": "warehouse-password"}
    assert remove(VARIABLE, take_over=True) == Removed(removed=True, target=whose)
    assert json.loads(variables.read_text()) == {}
    assert "warehouse-password" not in str([request.headers for request in scene.emulator.requests])


def test_the_intent_that_an_issuer_writes_while_the_key_is_judged_stays(scene):
    issue_key(scene)
    scene.emulator.revoke(scene.emulator.live_key(scene.user.id))
    with closing(PolytomicHook()) as hook:
        store = open_store(CONNECTION, issuer=hook.base_url)
        vendor: Any = Interrupted(hook, scene)
        with raises(IssuanceRefusedError, "user_still_exists"):
            remove_key(vendor, store)
    assert (record(scene) or {})["state"] == "open"


def test_an_admins_key_of_the_organization_itself_may_ask(scene):
    issue_key(scene)
    admin = scene.emulator.add_user(scene.user.organization_id, "eve@acme.example", [scene.emulator.role_id("Admin")])
    delete(scene, f"/users/{scene.user.id}")
    scene.put(
        "polytomic_default",
        conn_type="polytomic",
        host=scene.emulator.base_url,
        password=scene.emulator.give_key(admin.id),
    )
    assert remove().removed


def test_the_callers_own_connection_stays(scene):
    with raises(IssuanceRefusedError, "callers_own_key"):
        remove("airflow://connection/polytomic_default", take_over=True, allow_live=True)
    assert scene.stored("polytomic_default") == scene.emulator.partner_key


@pytest.mark.parametrize("take_over", [False, True])
def test_somebody_elses_connection_is_sent_nowhere(scene, take_over):
    scene.put("acme_polytomic", conn_type="postgres", host="db", password="warehouse-password")
    if take_over:
        assert remove(take_over=True) == Removed(removed=True)
    else:
        with raises(IssuanceRefusedError, "unknown_value"):
            remove()
    assert (scene.stored() is None) is take_over
    assert scene.emulator.requests == []
