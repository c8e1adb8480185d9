"""Is it true what the page says of a death after each step? Issue, die there, look; issue again, look again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, Renew, issue
from airflow_provider_polytomic.secret_stores.opening import open_store
from airflow_provider_polytomic.targets import Target
from tests.docs.mortal import Killed, Mortal
from tests.docs.pages import rows
from tests.scene import CONNECTION, Scene
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from airflow_provider_polytomic.references import Reference

ROWS = rows("docs/when-a-worker-dies.md", "Step by step")
# After which call of which part does the process die in each row? The record is written twice: opened, closed.
DIES_AFTER = {
    "reading the destination": ("read_record", 1),
    "writing the record": ("write_record", 1),
    "sending the request, the answer lost": ("create_api_key", 1),
    "receiving the key": ("get_identity", 1),
    "storing the key": ("write", 1),
    "closing the record": ("write_record", 2),
}
STATES = {"none": None, "open": "open", "done": "done"}
# What the page says of the next try, and what can be seen of it: its requests for a key without force.
NEXT = {
    "starts anew": 1,
    "sends the request": 1,
    "repeats it, gets the same key, stores it": 1,
    "finds that it works, closes the record": 0,
    "keeps the key": 0,
}


def attempt(scene: Scene, mode: Ensure | Renew, method: str = "", calls: int = 1) -> Reference:
    with closing(PolytomicHook()) as hook, open_store(CONNECTION, issuer=hook.base_url) as store:
        vendor: Any = Mortal(hook, method, calls)
        mortal: Any = Mortal(store, method, calls)
        return issue(vendor, mortal, Target.parse(**scene.ids), mode, hide=lambda _key: None)


def record_state(scene: Scene) -> str | None:
    with open_store(CONNECTION, issuer=scene.emulator.base_url) as store:
        return (store.read_record() or {}).get("state")


def test_every_row_is_tried():
    assert [row[0] for row in ROWS] == list(DIES_AFTER)


@pytest.mark.parametrize("mode", [Ensure(), Renew(run_time=MONDAY)], ids=["unforced", "forced"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_death_leaves_what_the_row_says_and_the_next_try_makes_one_key_of_it(
    row: list[str], mode: Ensure | Renew, scene: Scene
):
    dies_after, issued, stored, record, next_try = row
    with pytest.raises(Killed):
        attempt(scene, mode, *DIES_AFTER[dies_after])
    assert scene.emulator.minted(scene.user.id) == int(issued)
    assert scene.stored() == {"the old value": None, "the new key": _only(scene)}[stored]
    assert record_state(scene) == STATES[record]
    posts = len(scene.posts)

    attempt(scene, mode)
    assert scene.emulator.minted(scene.user.id) == 1
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    assert record_state(scene) == "done"
    assert len(set(scene.idempotency_keys)) == 1
    if isinstance(mode, Ensure):
        assert len(scene.posts) - posts == NEXT[next_try]


def _only(scene: Scene) -> str | None:
    keys = scene.emulator.keys_of(scene.user.id)
    return keys[0] if keys else None
