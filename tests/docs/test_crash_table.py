"""The table of crashes: issue, die after each step, check what the page says; issue again, check again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._issuance import Ensure, Rotate, issue
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.exceptions import PolytomicUnauthorizedError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import open_store
from tests.docs.die_after import DiesAfter, Killed
from tests.docs.pages import rows
from tests.fixtures import CONNECTION, Scene
from tests.runs import renew
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.reference import KeyReference

PAGE = "docs/when-a-worker-dies.md"
SINGLE, STANDBY = rows(PAGE, "Step by step"), rows(PAGE, "With a standby user")
# The call after which the process dies, for each row. The record is written twice: opened, closed.
DIES_AFTER = {
    "it read the destination": ("read_record", 1),
    "it wrote the record": ("write_record", 1),
    "it sent the request, and the response was lost": ("create_api_key", 1),
    "it received the key": ("get_identity", 1),
    "it stored the key": ("write", 1),
    "it closed the record": ("write_record", 2),
}
# What the page says about the next try, and its requests for a key.
NEXT = {
    "starts again": 1,
    "sends the request": 1,
    "repeats the request, receives the same key, stores it": 1,
    "confirms that the key works, closes the record": 0,
    "keeps the key": 0,
}
WORK = {"work": True, "works": True, "**get 401**": False}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Customer:
    """A customer, and the destination of its key."""

    scene: Scene
    target: Target
    destination: str = CONNECTION
    standby: Target | None = None

    def attempt(self, mode: Ensure | Rotate, method: str = "", calls: int = 1) -> KeyReference:
        """Issue, and die after a call of the method, unless it is None."""
        with closing(PolytomicHook()) as hook:
            store = open_store(self.destination, issuer=hook.base_url)
            api: Any = DiesAfter(hook, method, calls)
            dying: Any = DiesAfter(store, method, calls)
            return issue(api, dying, self.target, mode, standby=self.standby, hide=lambda _key: None)

    def stored(self) -> str | None:
        """Return the key that readers receive."""
        return self.scene.stored(self.destination.rpartition("/")[2])

    def readers_work(self) -> bool:
        """Return whether Polytomic accepts the key of a reader."""
        try:
            with closing(PolytomicHook.for_destination(self.destination, server="polytomic_default")) as hook:
                hook.get_identity()
        except PolytomicUnauthorizedError:
            return False
        return True

    def record_state(self) -> str | None:
        """Return the state in the record."""
        store = open_store(self.destination, issuer=self.scene.emulator.base_url)
        return (store.read_record() or {}).get("state")

    def minted(self) -> int:
        """Return the number of keys that the target has received."""
        return self.scene.emulator.minted(self.target.user_id)

    def live_key(self) -> str:
        """Return the target's key."""
        return self.scene.emulator.live_key(self.target.user_id)


@pytest.mark.parametrize("table", [SINGLE, STANDBY], ids=["single", "standby"])
def test_every_row_is_tried(table: list[list[str]]):
    assert [row[0] for row in table] == list(DIES_AFTER)


@pytest.mark.parametrize("forced", [False, True], ids=["unforced", "forced"])
@pytest.mark.parametrize("row", SINGLE, ids=lambda row: row[0])
def test_a_death_leaves_what_the_row_says_and_the_next_try_makes_one_key_of_it(
    row: list[str], forced: bool, scene: Scene
):
    dies_after, issued, stored, readers, record, next_try = row
    customer = Customer(scene, Target.parse(**scene.ids))
    mode: Ensure | Rotate = Ensure()
    if forced:
        customer.attempt(renew(MONDAY))
        mode = renew(MONDAY + DAY)
    old, before, sent, was = customer.stored(), customer.minted(), len(scene.posts), customer.record_state()
    with pytest.raises(Killed):
        customer.attempt(mode, *DIES_AFTER[dies_after])
    assert customer.minted() == before + int(issued)
    assert customer.stored() == (old if stored == "the old key" else customer.live_key())
    assert customer.record_state() == (was if record == "unchanged" else record)
    if forced:
        assert customer.readers_work() is WORK[readers]
    posts = len(scene.posts)

    customer.attempt(mode)
    assert customer.minted() == before + 1
    assert customer.stored() == customer.live_key()
    assert customer.record_state() == "done"
    assert len(set(scene.idempotency_keys[sent:])) == 1
    repeats = (
        forced and next_try == "confirms that the key works, closes the record"
    )  # as the page says below the table
    assert len(scene.posts) - posts == (1 if repeats else NEXT[next_try])


@pytest.mark.parametrize("row", STANDBY, ids=lambda row: row[0])
def test_with_a_standby_user_nobody_is_cut_off_wherever_it_dies(row: list[str], scene: Scene):
    dies_after, issued, stored, readers, in_use_before, record, next_try = row
    idle = Target.parse(**scene.ids)
    standby = Target(idle.org_id, scene.emulator.add_user(idle.org_id, "standby@acme.example").id)
    customer = Customer(scene, idle, standby=standby)
    for day in range(2):
        customer.attempt(renew(MONDAY + day * DAY))
    mode, in_use, sent = renew(MONDAY + 2 * DAY), customer.stored(), len(scene.posts)
    assert in_use == scene.emulator.live_key(standby.user_id)
    method, calls = DIES_AFTER[dies_after]
    # The first request reads whose key is in use.
    with pytest.raises(Killed):
        customer.attempt(mode, method, calls + (method == "get_identity"))
    assert customer.minted() == 1 + int(issued)
    assert customer.stored() == (in_use if stored == "the key in use" else customer.live_key())
    assert customer.readers_work() is WORK[readers]
    assert (in_use in scene.emulator.keys_of(standby.user_id)) is WORK[in_use_before]
    assert customer.record_state() == ("done" if record == "unchanged" else record)
    posts = len(scene.posts)

    customer.attempt(mode)
    assert customer.minted() == 2
    assert customer.stored() == customer.live_key()
    assert scene.emulator.keys_of(standby.user_id) == [in_use]
    assert customer.record_state() == "done"
    assert len(set(scene.idempotency_keys[sent:])) == 1
    assert len(scene.posts) - posts == NEXT[next_try]
