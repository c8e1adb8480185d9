"""Does it hold with the real parts? The hook, a Polytomic over HTTP, and Airflow's own backend on a file."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_polytomic.exceptions import IssuanceRefusedError, PolytomicError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, issue
from airflow_provider_polytomic.removing import Removed, remove_key
from airflow_provider_polytomic.secret_stores.opening import open_store
from airflow_provider_polytomic.targets import Target
from tests.scene import CONNECTION, scene

if TYPE_CHECKING:
    from tests.scene import Scene

__all__ = ["scene"]


def target(scene: Scene) -> Target:
    return Target.parse(scene.user.organization_id, scene.user.id)


def issue_key(scene: Scene) -> None:
    with closing(PolytomicHook()) as hook, open_store(CONNECTION, issuer=hook.base_url) as store:
        issue(hook, store, target(scene), Ensure(), hide=lambda _: None)


def remove(destination: str = CONNECTION, *, take_over: bool = False, allow_live: bool = False) -> Removed:
    with closing(PolytomicHook()) as hook, open_store(destination, issuer=hook.base_url) as store:
        return remove_key(hook, store, take_over=take_over, allow_live=allow_live)


def delete(scene: Scene, path: str) -> None:
    url = f"{scene.emulator.base_url}/api/organizations/{scene.user.organization_id}{path}"
    answer = requests.delete(url, headers={"Authorization": f"Bearer {scene.emulator.partner_key}"}, timeout=10)
    answer.raise_for_status()


def test_a_stored_key_stays_until_its_user_is_deleted_and_then_goes_with_its_record(scene):
    issue_key(scene)
    with pytest.raises(IssuanceRefusedError, match="still works"):
        remove()
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    delete(scene, f"/users/{scene.user.id}")
    removed = remove()
    assert (removed.removed, removed.target) == (True, target(scene))
    assert set(scene.entries()) == {"polytomic_default"}
    assert remove() == Removed(removed=False)


@pytest.mark.parametrize("path", ["users", ""], ids=["user", "organization"])
def test_an_open_record_stays_until_its_user_is_gone(scene, path):
    with closing(PolytomicHook()) as hook, open_store(CONNECTION, issuer=hook.base_url) as store:
        with pytest.raises(PolytomicError):  # no new request is sent, so the record stays open
            issue(hook, store, target(scene), Ensure(), hide=lambda _: None, stopping=lambda: True)
        assert (store.read_record() or {})["state"] == "open"
        with pytest.raises(IssuanceRefusedError, match="its user still exists"):
            remove()
        delete(scene, f"/{path}/{scene.user.id}" if path else "")
        assert remove() == Removed(removed=True, target=target(scene))
        assert store.read_record() is None


def test_the_callers_own_connection_stays(scene):
    with pytest.raises(IssuanceRefusedError, match="caller's own key"):
        remove("airflow://connection/polytomic_default", take_over=True, allow_live=True)
    assert scene.stored("polytomic_default") == scene.emulator.partner_key


@pytest.mark.parametrize("take_over", [False, True])
def test_somebody_elses_connection_is_sent_nowhere(scene, take_over):
    scene.put("acme_polytomic", conn_type="postgres", host="db", password="warehouse-password")
    if take_over:
        assert remove(take_over=True) == Removed(removed=True)
    else:
        with pytest.raises(IssuanceRefusedError, match="take_over=True"):
            remove()
    assert (scene.stored() is None) is take_over
    assert scene.emulator.requests == []
