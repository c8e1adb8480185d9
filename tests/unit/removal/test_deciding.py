"""What may go, and what stays until somebody decides? The rules about whose it is, and what is sent where."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic._removal.remove import Removed
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
)
from tests.reasons import raises
from tests.unit.removal.harness import GONE, OWN, TARGET, assert_refused, fingerprint


def test_where_nothing_is_there_is_nothing_to_do(bench):
    assert bench.remove() == Removed(removed=False)
    assert bench.calls == ["read", "read_record"]


def test_a_key_that_may_live_on_is_not_asked_about_and_kept_recoverable(bench):
    bench.hold()
    assert bench.remove(allow_active_key=True).removed
    assert bench.polytomic.asked_about == []
    assert (bench.store.value, bench.store.record, bench.store.permanently) == (None, None, False)


@pytest.mark.parametrize(
    "held",
    [{"is_foreign": True, "owner": None}, {}, {"is_recognised": True}],
    ids=["foreign", "no record", "a connection to Polytomic without a record"],
)
@pytest.mark.parametrize("allow_active_key", [False, True])
def test_what_is_not_ours_stays_and_is_sent_nowhere_until_taken_over(bench, held, allow_active_key):
    bench.hold("by-hand", issued_at=None, **held)
    if "foreign" in held:
        bench.store.put(None, is_foreign=True)
    assert_refused(bench, "unknown_value", allow_active_key=allow_active_key)
    assert bench.remove(take_over=True, allow_active_key=allow_active_key) == Removed(removed=True)
    assert (bench.store.value, bench.store.is_foreign, bench.store.permanently) == (None, False, False)
    assert bench.polytomic.asked_about == []


@pytest.mark.parametrize("put", [{"is_recognised": True}, {"is_foreign": True}], ids=str)
def test_another_value_than_the_records_stays_until_taken_over(bench, put, caplog):
    bench.hold()
    bench.store.put(None if "foreign" in put else "by-hand", **put)
    assert_refused(bench, "unknown_value")
    assert caplog.messages == []
    assert bench.remove(take_over=True) == Removed(removed=True, target=TARGET)
    (warning,) = caplog.messages
    assert f"{TARGET} (fingerprint {fingerprint('stored-key')})" in warning
    assert "by-hand" not in warning
    assert (bench.store.value, bench.store.record, bench.store.permanently) == (None, None, False)
    assert bench.polytomic.asked_about == []


def test_a_key_of_ours_that_works_is_not_taken_over(bench):
    bench.hold()
    assert_refused(bench, "key_still_works", take_over=True)


def test_the_callers_own_key_always_stays(bench):
    bench.hold(OWN)
    for given in ({}, {"take_over": True}, {"take_over": True, "allow_active_key": True}):
        assert_refused(bench, "callers_own_key", **given)
    assert bench.polytomic.asked_about == []


@pytest.mark.parametrize("state", ["open", "failed"])
@pytest.mark.parametrize("before", [None, fingerprint("stored-key")], ids=["may have stored it", "began with it"])
def test_what_an_unfinished_issuance_may_have_stored_goes_once_it_is_dead_but_recoverable(bench, state, before):
    bench.hold(owner=None, is_recognised=True)
    bench.record(state, previous_fingerprint=before or "absent")
    bench.polytomic.order("get_user", GONE)
    assert bench.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))
    assert (bench.store.value, bench.store.record, bench.store.permanently) == (None, None, False)


@pytest.mark.parametrize("state", ["open", "failed"])
def test_what_an_unfinished_issuance_has_stored_stays_while_it_works(bench, state):
    bench.hold(is_recognised=True)
    bench.record(state, previous_fingerprint="absent")
    bench.polytomic.order("get_user", GONE)
    assert_refused(bench, "key_still_works")


@pytest.mark.parametrize("state", ["open", "failed"])
@pytest.mark.parametrize("before", [None, fingerprint("by-hand")], ids=["put there since", "taken over"])
def test_a_text_beside_an_unfinished_issuance_is_sent_nowhere_and_stays_until_taken_over(bench, state, before):
    bench.hold("by-hand", issued_at=None)
    bench.record(state, previous_fingerprint=before or "absent")
    assert_refused(bench, "unknown_value")
    bench.polytomic.order("get_user", GONE)
    assert bench.remove(take_over=True) == Removed(removed=True, target=TARGET)
    assert (bench.store.value, bench.store.record, bench.store.permanently) == (None, None, False)
    assert bench.polytomic.asked_about == []


def test_a_text_that_an_open_issuance_may_have_stored_is_not_taken_over_while_the_user_exists(bench):
    bench.hold(issued_at=None)
    bench.record("open", previous_fingerprint="absent")
    assert_refused(bench, "user_still_exists", take_over=True)


def test_once_the_interrupted_issuance_has_finished_its_text_is_known(bench):
    bench.hold(issued_at=None)
    bench.record("open", previous_fingerprint="absent", forced=False)
    assert_refused(bench, "unknown_value")
    bench.issue(Ensure())
    bench.polytomic.live.clear()
    assert bench.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))


def test_a_failed_record_goes_without_asking_anybody(bench):
    bench.record("failed")
    assert bench.remove() == Removed(removed=True, target=TARGET)
    assert bench.store.record is None
    assert not {"get_organization", "get_user", "get_identity", "remove"} & set(bench.calls)


def test_a_damaged_record_stops_everything(bench):
    bench.hold()
    bench.store.record = {"state": "done"}
    with raises(SecretStoreConfigurationError, "record_damaged"):
        bench.remove(take_over=True, allow_active_key=True)
    assert bench.store.value == "stored-key"
