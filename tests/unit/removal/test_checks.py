"""Evidence that a key is revoked: Polytomic itself says so, on the right server, and not of every key."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._removal.remove import Removed
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
)
from airflow_provider_polytomic.models import Identity
from tests.reasons import raises
from tests.unit.removal.harness import GONE, NO_ANSWER, OF_A_PROXY, OTHER, REVOKED, TARGET, assert_refused, fingerprint

UNKNOWN = {
    "another server": PolytomicNotFoundError("no such organization", status=404, is_from_polytomic=True),
    "another partner": PolytomicForbiddenError("not yours", status=403, is_from_polytomic=True),
}


@pytest.mark.parametrize("answer", REVOKED.values(), ids=REVOKED)
def test_a_revoked_key_is_removed_permanently_with_its_record(harness, answer):
    harness.hold()
    harness.polytomic.order("get_identity", answer)
    assert harness.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))
    assert (harness.store.value, harness.store.record, harness.store.permanently) == (None, None, True)


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_response_never_means_revoked(harness, answer):
    harness.hold(owner=None)
    before = harness.store.snapshot()
    harness.polytomic.order("get_identity", answer)
    with pytest.raises(PolytomicError) as caught:
        harness.remove()
    assert caught.value is answer
    assert harness.store.snapshot() == before


@pytest.mark.parametrize("answer", OF_A_PROXY.values(), ids=OF_A_PROXY)
def test_a_proxy_that_rejects_every_request_does_not_mean_revoked(harness, answer):
    harness.hold(owner=None)
    before = harness.store.snapshot()
    harness.polytomic.order("get_identity", answer)
    with raises(IssuanceIncompleteError, "proxy_answered"):
        harness.remove()
    assert harness.store.snapshot() == before
    assert harness.remove().removed


@pytest.mark.parametrize(
    "answer", [*REVOKED.values(), *OF_A_PROXY.values(), *NO_ANSWER.values()], ids=[*REVOKED, *OF_A_PROXY, *NO_ANSWER]
)
def test_a_server_that_does_not_know_the_caller_either_does_not_mean_revoked(harness, answer):
    harness.hold(owner=None)
    before = harness.store.snapshot()
    harness.polytomic.order("get_identity of the caller", answer)
    with pytest.raises(PolytomicError) as caught:
        harness.remove()
    assert caught.value is answer
    assert harness.store.snapshot() == before


@pytest.mark.parametrize("owner", [TARGET, OTHER])
def test_a_key_that_works_stays_whichever_user_owns_it(harness, owner):
    harness.hold(owner=owner)
    assert_refused(harness, "key_still_works")


def test_a_key_that_dies_a_moment_after_its_user_is_asked_about_again(harness):
    harness.hold()
    harness.polytomic.order("get_identity", None, None, harness.polytomic.live.clear)
    assert harness.remove().removed
    assert len(harness.polytomic.asked_about) == 3
    assert harness.store.permanently is True


def test_a_key_that_still_works_is_waited_for_within_bounds(harness):
    harness.hold()
    assert_refused(harness, "key_still_works")
    assert len(harness.polytomic.asked_about) == 5
    assert 5 < sum(harness.time.slept) < 8


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("state", ["done", "open", "failed", "open, nothing stored"])
def test_where_the_organization_is_unknown_nothing_is_sent_or_believed(harness, answer, state):
    if "nothing" not in state:
        harness.hold(owner=None, is_recognised=True)
    if state != "done":
        harness.record(state.partition(",")[0], previous_fingerprint="absent")
    harness.polytomic.order("get_organization", answer)
    assert_refused(harness, "organization_unknown")
    assert not {"get_identity", "get_user"} & set(harness.calls)
    harness.polytomic.order("get_organization", answer)
    assert harness.remove(allow_active_key=True).target == TARGET
    assert (harness.store.value, harness.store.record) == (None, None)
    assert harness.store.permanently is not True


@pytest.mark.parametrize("answer", [*OF_A_PROXY.values(), *NO_ANSWER.values()], ids=[*OF_A_PROXY, *NO_ANSWER])
def test_no_answer_about_the_organization_ends_the_try(harness, answer):
    harness.hold(owner=None)
    before = harness.store.snapshot()
    harness.polytomic.order("get_organization", answer)
    with pytest.raises(PolytomicError) as caught:
        harness.remove()
    assert caught.value is answer
    assert harness.polytomic.asked_about == []
    assert harness.store.snapshot() == before


def test_a_key_of_the_organization_itself_may_ask_although_it_is_no_partners(harness):
    harness.hold(owner=None)
    harness.polytomic.caller = Identity(is_user=True, organization_id=TARGET.org_id.upper())
    harness.polytomic.order("get_organization", UNKNOWN["another partner"])
    assert harness.remove().removed


@pytest.mark.parametrize("stored", [None, "stored-key"])
def test_an_open_record_stays_while_its_user_exists(harness, stored):
    if stored:
        harness.hold(stored, owner=None, is_recognised=True)
    harness.record("open")
    assert_refused(harness, "user_still_exists")
    assert harness.remove(allow_active_key=True).target == TARGET
    assert (harness.store.value, harness.store.record) == (None, None)


def test_an_open_record_goes_once_its_user_is_gone(harness):
    harness.record("open")
    harness.polytomic.order("get_user", GONE)
    assert harness.remove() == Removed(removed=True, target=TARGET)
    assert harness.store.record is None
    assert "remove" not in harness.calls


def test_a_403_does_not_say_that_the_user_is_gone(harness):
    harness.record("open")
    refusal = PolytomicForbiddenError("the organization is not yours.", status=403, is_from_polytomic=True)
    harness.polytomic.order("get_user", refusal)
    assert_refused(harness, "user_state_unknown")


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_answer_does_not_say_that_the_user_is_gone(harness, answer):
    harness.record("open")
    harness.polytomic.order("get_user", answer)
    with pytest.raises(PolytomicError) as caught:
        harness.remove()
    assert caught.value is answer
    assert harness.store.record
