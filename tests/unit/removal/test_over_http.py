"""Removals with the real parts: the hook, a Polytomic over HTTP, and Airflow's own backend on a file."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_polytomic._issuance import Ensure, issue
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic._removal.remove import Removed, remove_key
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
)
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import open_store
from airflow_provider_polytomic.testing import Fault, PolytomicEmulator
from tests.docs.die_after import DiesAfter, Killed
from tests.fixtures import CONNECTION, scene
from tests.reasons import raises

if TYPE_CHECKING:
    from tests.fixtures import Scene

__all__ = ["scene"]

VARIABLE = "airflow://variable/acme_polytomic"


def target(scene: Scene) -> Target:
    return Target.parse(scene.user.organization_id, scene.user.id)


def issue_key(scene: Scene, destination: str = CONNECTION) -> None:
    with closing(PolytomicHook()) as hook:
        store = open_store(destination, issuer=hook.base_url)
        issue(hook, store, target(scene), Ensure(), hide=lambda _: None)


def remove(destination: str = CONNECTION, *, take_over: bool = False, allow_active_key: bool = False) -> Removed:
    with closing(PolytomicHook()) as hook:
        store = open_store(destination, issuer=hook.base_url)
        return remove_key(hook, store, take_over=take_over, allow_active_key=allow_active_key)


def delete(scene: Scene, path: str) -> None:
    url = f"{scene.emulator.base_url}/api/organizations/{scene.user.organization_id}{path}"
    answer = requests.delete(url, headers={"Authorization": f"Bearer {scene.emulator.partner_key}"}, timeout=60)
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


def interrupt(scene: Scene) -> None:
    """Leave an open record, and a key that is stored nowhere."""
    with closing(PolytomicHook()) as hook:
        store = open_store(CONNECTION, issuer=hook.base_url)
        dying: Any = DiesAfter(hook, "create_api_key")
        with pytest.raises(Killed):
            issue(dying, store, target(scene), Ensure(), hide=lambda _: None)


def contents(scene: Scene) -> dict[str, str]:
    """Return what is in the folder of Airflow's secrets, records too."""
    return {file.name: file.read_text() for file in scene.connections.parent.rglob("*") if file.is_file()}


def record(scene: Scene) -> object:
    return open_store(CONNECTION, issuer=scene.emulator.base_url).read_record()


def test_an_open_record_stays_until_its_user_is_gone(scene):
    interrupt(scene)
    with raises(IssuanceRefusedError, "user_still_exists"):
        remove()
    delete(scene, f"/users/{scene.user.id}")
    assert remove() == Removed(removed=True, target=target(scene))
    assert record(scene) is None


def test_an_open_record_of_a_deleted_organization_stays_until_the_user_allows_it(scene):
    interrupt(scene)
    delete(scene, "")
    with raises(IssuanceRefusedError, "organization_unknown"):
        remove()
    assert remove(allow_active_key=True) == Removed(removed=True, target=target(scene))
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


@pytest.mark.parametrize("status", [401, 403])
def test_the_page_of_a_proxy_does_not_mean_revoked(scene, status):
    issue_key(scene)
    before = contents(scene)
    page = "<html>Please sign in</html>"
    scene.emulator.inject(Fault("status", status=status, endpoint="get_identity", times=None, body=page))
    with raises(IssuanceIncompleteError, "proxy_answered"):
        remove()
    assert contents(scene) == before


@pytest.mark.parametrize("take_over", [False, True])
def test_another_users_connection_is_not_sent(scene, take_over):
    scene.put("acme_polytomic", conn_type="postgres", host="db", password="warehouse-password")
    if take_over:
        assert remove(take_over=True) == Removed(removed=True)
    else:
        with raises(IssuanceRefusedError, "unknown_value"):
            remove()
    assert (scene.stored() is None) is take_over
    assert scene.emulator.requests == []
