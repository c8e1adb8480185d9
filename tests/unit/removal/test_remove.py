"""Removals under interference: kills, conflicts, readers that lag behind, other issuers."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._removal.remove import Removed
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)
from tests.reasons import raises
from tests.unit.removal.harness import TARGET, After, fingerprint

DONE = Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))
IN_ORDER = [
    "read",
    "read_record",
    "get_organization",
    "get_identity",
    "get_identity of the caller",
    "read_record",
    "remove",
    "read_back",
    "read_record",
    "remove_record",
]


class KilledError(Exception):
    """The process ends here."""


def test_the_record_goes_last(harness):
    harness.hold(owner=None)
    harness.remove()
    assert harness.calls == IN_ORDER


@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", sorted(set(IN_ORDER)))
def test_the_next_try_finishes_what_a_kill_left(harness, call, effect):
    harness.hold(owner=None)
    (harness.polytomic if call.startswith(("get_identity", "get_organization")) else harness.store).order(
        call, After(KilledError()) if effect else KilledError()
    )
    with pytest.raises(KilledError):
        harness.remove()
    over = call == "remove_record" and effect
    assert harness.store.record is not None or over
    assert harness.remove() == (Removed(removed=False) if over else DONE)
    assert (harness.store.value, harness.store.record) == (None, None)
    assert harness.remove() == Removed(removed=False)


@pytest.mark.parametrize("error", [SecretStoreDeniedError("may not"), SecretStoreUnavailableError("away")], ids=str)
@pytest.mark.parametrize("call", ["remove", "remove_record"])
def test_a_store_that_fails_leaves_what_tells_what_is_to_be_done(harness, call, error):
    harness.hold(owner=None)
    harness.store.order(call, error)
    with pytest.raises(type(error)):
        harness.remove()
    assert (harness.store.value is None) is (call == "remove_record")
    assert harness.store.record
    assert harness.remove() == DONE


def test_a_rotation_in_between_is_read_again(harness):
    harness.hold(owner=None)
    harness.store.order("remove", lambda: harness.hold("new-key"))
    with raises(IssuanceRefusedError, "key_still_works"):
        harness.remove()
    assert harness.store.value == "new-key"
    assert harness.store.parsed.fingerprint == fingerprint("new-key")


def test_a_change_that_makes_no_difference_only_costs_another_look(harness):
    harness.hold(owner=None)
    harness.store.order("remove", *[lambda: harness.store.put("stored-key")] * 4)
    assert harness.remove() == DONE
    assert len(harness.time.slept) == 4


def test_a_destination_that_keeps_changing_ends_the_try(harness):
    harness.hold(owner=None)
    harness.store.order("remove", *[lambda: harness.store.put("stored-key")] * 5)
    with raises(IssuanceIncompleteError, "destination_keeps_changing"):
        harness.remove()
    assert harness.store.value == "stored-key"
    assert harness.store.record


def test_the_record_of_an_issuance_that_came_between_stays(harness):
    harness.hold(owner=None)
    harness.store.order("read_back", lambda: harness.record("open"))
    with raises(IssuanceRefusedError, "user_still_exists"):
        harness.remove()
    assert harness.store.parsed.state == "open"


def test_the_reads_are_repeated_where_they_do_not_fit_together(harness):
    harness.store.put("old-key")
    harness.record("open", previous_fingerprint="absent")
    harness.store.order("read_record", lambda: harness.hold("new-key", owner=None))
    assert harness.remove().fingerprint == fingerprint("new-key")


def test_readers_who_lag_behind_are_waited_for(harness):
    harness.hold(owner=None)
    harness.store.readers_get.extend(["stored-key", "stored-key", None])
    assert harness.remove() == DONE
    assert 0 < sum(harness.time.slept) < 2


@pytest.mark.parametrize("tries", [1, 2])
def test_the_record_stays_while_readers_still_get_the_key(harness, tries):
    harness.hold(owner=None)
    harness.store.readers_get.extend(["stored-key"] * 5 * tries)
    for _ in range(tries):
        with raises(IssuanceIncompleteError, "readers_behind"):
            harness.remove()
        assert harness.store.value is None
        assert harness.store.record
    assert harness.remove() == DONE


def test_what_shadows_the_destination_is_said(harness):
    harness.hold(owner=None)
    harness.store.readers_get.extend(["shadow"] * 5)
    with raises(IssuanceRefusedError, "shadowed") as caught:
        harness.remove()
    assert "shadow" not in str(caught.value)
    assert harness.store.record


def test_a_key_that_is_stored_while_readers_are_checked_is_read(harness):
    harness.hold(owner=None)
    harness.store.order("read_back", lambda: harness.hold("new-key"))
    with raises(IssuanceRefusedError, "key_still_works"):
        harness.remove()
    assert harness.store.value == "new-key"
    assert harness.store.record


def test_the_intent_of_an_issuer_that_comes_while_the_value_is_judged_does_not_go_with_it(harness):
    harness.hold(owner=None)
    harness.polytomic.order("get_identity", lambda: harness.record("open"))
    with raises(IssuanceRefusedError, "unknown_value"):
        harness.remove()
    assert "remove" not in harness.calls
    assert (harness.store.value, harness.store.parsed.state) == ("stored-key", "open")


def test_a_record_that_is_written_beside_a_value_without_one_is_read(harness):
    harness.hold(issued_at=None)
    harness.store.order("read_record", None, lambda: harness.record("open"))
    with raises(IssuanceRefusedError, "user_still_exists"):
        harness.remove(take_over=True)
    assert (harness.store.value, harness.store.parsed.state) == ("stored-key", "open")
