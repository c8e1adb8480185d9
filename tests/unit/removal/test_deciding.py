"""Decisions about a removal: whose value it is, what stays until the user decides, and what is sent."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic._removal.remove import Removed
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
)
from tests.reasons import raises
from tests.unit.removal.harness import GONE, OWN, TARGET, assert_refused, fingerprint


def test_where_nothing_is_there_is_nothing_to_do(harness):
    assert harness.remove() == Removed(removed=False)
    assert harness.calls == ["read", "read_record"]


def test_a_key_that_may_live_on_is_not_asked_about_and_kept_recoverable(harness):
    harness.hold()
    assert harness.remove(allow_active_key=True).removed
    assert harness.polytomic.asked_about == []
    assert (harness.store.value, harness.store.record, harness.store.permanently) == (None, None, False)


@pytest.mark.parametrize(
    "stored",
    [{"is_foreign": True, "owner": None}, {}, {"is_recognised": True}],
    ids=["foreign", "no record", "a connection to Polytomic without a record"],
)
@pytest.mark.parametrize("allow_active_key", [False, True])
def test_an_unknown_value_stays_and_is_not_sent_without_take_over(harness, stored, allow_active_key):
    harness.hold("by-hand", issued_at=None, **stored)
    if "foreign" in stored:
        harness.store.put(None, is_foreign=True)
    assert_refused(harness, "unknown_value", allow_active_key=allow_active_key)
    assert harness.remove(take_over=True, allow_active_key=allow_active_key) == Removed(removed=True)
    assert (harness.store.value, harness.store.is_foreign, harness.store.permanently) == (None, False, False)
    assert harness.polytomic.asked_about == []


@pytest.mark.parametrize("put", [{"is_recognised": True}, {"is_foreign": True}], ids=str)
def test_another_value_than_the_records_stays_until_taken_over(harness, put, caplog):
    harness.hold()
    harness.store.put(None if "foreign" in put else "by-hand", **put)
    assert_refused(harness, "unknown_value")
    assert caplog.messages == []
    assert harness.remove(take_over=True) == Removed(removed=True, target=TARGET)
    (warning,) = caplog.messages
    assert f"{TARGET} (fingerprint {fingerprint('stored-key')})" in warning
    assert "by-hand" not in warning
    assert (harness.store.value, harness.store.record, harness.store.permanently) == (None, None, False)
    assert harness.polytomic.asked_about == []


def test_a_key_of_ours_that_works_is_not_taken_over(harness):
    harness.hold()
    assert_refused(harness, "key_still_works", take_over=True)


def test_the_callers_own_key_always_stays(harness):
    harness.hold(OWN)
    for given in ({}, {"take_over": True}, {"take_over": True, "allow_active_key": True}):
        assert_refused(harness, "callers_own_key", **given)
    assert harness.polytomic.asked_about == []


@pytest.mark.parametrize("state", ["open", "failed"])
@pytest.mark.parametrize("before", [None, fingerprint("stored-key")], ids=["may have stored it", "began with it"])
def test_what_an_unfinished_issuance_may_have_stored_is_removed_recoverably_once_it_is_revoked(harness, state, before):
    harness.hold(owner=None, is_recognised=True)
    harness.record(state, previous_fingerprint=before or "absent")
    harness.polytomic.order("get_user", GONE)
    assert harness.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))
    assert (harness.store.value, harness.store.record, harness.store.permanently) == (None, None, False)


@pytest.mark.parametrize("state", ["open", "failed"])
def test_what_an_unfinished_issuance_has_stored_stays_while_it_works(harness, state):
    harness.hold(is_recognised=True)
    harness.record(state, previous_fingerprint="absent")
    harness.polytomic.order("get_user", GONE)
    assert_refused(harness, "key_still_works")


@pytest.mark.parametrize("state", ["open", "failed"])
@pytest.mark.parametrize("before", [None, fingerprint("by-hand")], ids=["put there since", "taken over"])
def test_a_text_beside_an_unfinished_issuance_is_sent_nowhere_and_stays_until_taken_over(harness, state, before):
    harness.hold("by-hand", issued_at=None)
    harness.record(state, previous_fingerprint=before or "absent")
    assert_refused(harness, "unknown_value")
    harness.polytomic.order("get_user", GONE)
    assert harness.remove(take_over=True) == Removed(removed=True, target=TARGET)
    assert (harness.store.value, harness.store.record, harness.store.permanently) == (None, None, False)
    assert harness.polytomic.asked_about == []


def test_a_text_that_an_open_issuance_may_have_stored_is_not_taken_over_while_the_user_exists(harness):
    harness.hold(issued_at=None)
    harness.record("open", previous_fingerprint="absent")
    assert_refused(harness, "user_still_exists", take_over=True)


def test_once_the_interrupted_issuance_has_finished_its_text_is_known(harness):
    harness.hold(issued_at=None)
    harness.record("open", previous_fingerprint="absent", forced=False)
    assert_refused(harness, "unknown_value")
    harness.issue(Ensure())
    harness.polytomic.live.clear()
    assert harness.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))


def test_a_failed_record_goes_without_asking_anybody(harness):
    harness.record("failed")
    assert harness.remove() == Removed(removed=True, target=TARGET)
    assert harness.store.record is None
    assert not {"get_organization", "get_user", "get_identity", "remove"} & set(harness.calls)


def test_a_damaged_record_stops_everything(harness):
    harness.hold()
    harness.store.record = {"state": "done"}
    with raises(SecretStoreConfigurationError, "record_damaged"):
        harness.remove(take_over=True, allow_active_key=True)
    assert harness.store.value == "stored-key"
