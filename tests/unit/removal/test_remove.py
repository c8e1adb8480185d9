"""Does a removal end well whoever interferes? Kills, conflicts, readers who lag behind, other issuers."""

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


def test_the_record_goes_last(bench):
    bench.hold(owner=None)
    bench.remove()
    assert bench.calls == IN_ORDER


@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", sorted(set(IN_ORDER)))
def test_the_next_try_finishes_what_a_kill_left(bench, call, effect):
    bench.hold(owner=None)
    (bench.polytomic if call.startswith(("get_identity", "get_organization")) else bench.store).order(
        call, After(KilledError()) if effect else KilledError()
    )
    with pytest.raises(KilledError):
        bench.remove()
    over = call == "remove_record" and effect
    assert bench.store.record is not None or over
    assert bench.remove() == (Removed(removed=False) if over else DONE)
    assert (bench.store.value, bench.store.record) == (None, None)
    assert bench.remove() == Removed(removed=False)


@pytest.mark.parametrize("error", [SecretStoreDeniedError("may not"), SecretStoreUnavailableError("away")], ids=str)
@pytest.mark.parametrize("call", ["remove", "remove_record"])
def test_a_store_that_fails_leaves_what_tells_what_is_to_be_done(bench, call, error):
    bench.hold(owner=None)
    bench.store.order(call, error)
    with pytest.raises(type(error)):
        bench.remove()
    assert (bench.store.value is None) is (call == "remove_record")
    assert bench.store.record
    assert bench.remove() == DONE


def test_a_renewal_that_came_between_is_looked_at_again(bench):
    bench.hold(owner=None)
    bench.store.order("remove", lambda: bench.hold("new-key"))
    with raises(IssuanceRefusedError, "key_still_works"):
        bench.remove()
    assert bench.store.value == "new-key"
    assert bench.store.parsed.fingerprint == fingerprint("new-key")


def test_a_change_that_makes_no_difference_only_costs_another_look(bench):
    bench.hold(owner=None)
    bench.store.order("remove", *[lambda: bench.store.put("stored-key")] * 4)
    assert bench.remove() == DONE
    assert len(bench.time.slept) == 4


def test_a_destination_that_keeps_changing_ends_the_try(bench):
    bench.hold(owner=None)
    bench.store.order("remove", *[lambda: bench.store.put("stored-key")] * 5)
    with raises(IssuanceIncompleteError, "destination_keeps_changing"):
        bench.remove()
    assert bench.store.value == "stored-key"
    assert bench.store.record


def test_the_record_of_an_issuance_that_came_between_stays(bench):
    bench.hold(owner=None)
    bench.store.order("read_back", lambda: bench.record("open"))
    with raises(IssuanceRefusedError, "user_still_exists"):
        bench.remove()
    assert bench.store.parsed.state == "open"


def test_the_reads_are_repeated_where_they_do_not_fit_together(bench):
    bench.store.put("old-key")
    bench.record("open", previous_fingerprint="absent")
    bench.store.order("read_record", lambda: bench.hold("new-key", owner=None))
    assert bench.remove().fingerprint == fingerprint("new-key")


def test_readers_who_lag_behind_are_waited_for(bench):
    bench.hold(owner=None)
    bench.store.readers_get.extend(["stored-key", "stored-key", None])
    assert bench.remove() == DONE
    assert 0 < sum(bench.time.slept) < 2


@pytest.mark.parametrize("tries", [1, 2])
def test_the_record_stays_while_readers_still_get_the_key(bench, tries):
    bench.hold(owner=None)
    bench.store.readers_get.extend(["stored-key"] * 5 * tries)
    for _ in range(tries):
        with raises(IssuanceIncompleteError, "readers_behind"):
            bench.remove()
        assert bench.store.value is None
        assert bench.store.record
    assert bench.remove() == DONE


def test_what_shadows_the_destination_is_said(bench):
    bench.hold(owner=None)
    bench.store.readers_get.extend(["shadow"] * 5)
    with raises(IssuanceRefusedError, "shadowed") as caught:
        bench.remove()
    assert "shadow" not in str(caught.value)
    assert bench.store.record


def test_a_key_that_is_stored_while_readers_are_asked_is_looked_at(bench):
    bench.hold(owner=None)
    bench.store.order("read_back", lambda: bench.hold("new-key"))
    with raises(IssuanceRefusedError, "key_still_works"):
        bench.remove()
    assert bench.store.value == "new-key"
    assert bench.store.record


def test_the_intent_of_an_issuer_that_comes_while_the_value_is_judged_does_not_go_with_it(bench):
    bench.hold(owner=None)
    bench.polytomic.order("get_identity", lambda: bench.record("open"))
    with raises(IssuanceRefusedError, "unknown_value"):
        bench.remove()
    assert "remove" not in bench.calls
    assert (bench.store.value, bench.store.parsed.state) == ("stored-key", "open")


def test_a_record_that_comes_to_a_value_without_one_is_looked_at(bench):
    bench.hold(issued_at=None)
    bench.store.order("read_record", None, lambda: bench.record("open"))
    with raises(IssuanceRefusedError, "user_still_exists"):
        bench.remove(take_over=True)
    assert (bench.store.value, bench.store.parsed.state) == ("stored-key", "open")
