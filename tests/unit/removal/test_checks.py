"""When is a key known to be dead? Once Polytomic itself says so, asked at the right place, and not to everybody."""

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
from tests.unit.removal.harness import DEAD, GONE, NO_ANSWER, OF_A_PROXY, OTHER, TARGET, assert_refused, fingerprint

UNKNOWN = {
    "another server": PolytomicNotFoundError("no such organization", status=404, is_from_polytomic=True),
    "another partner": PolytomicForbiddenError("not yours", status=403, is_from_polytomic=True),
}


@pytest.mark.parametrize("answer", DEAD.values(), ids=DEAD)
def test_a_dead_key_of_ours_goes_for_good_and_its_record_with_it(bench, answer):
    bench.hold()
    bench.polytomic.order("get_identity", answer)
    assert bench.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))
    assert (bench.store.value, bench.store.record, bench.store.permanently) == (None, None, True)


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_answer_is_never_dead(bench, answer):
    bench.hold(owner=None)
    before = bench.store.snapshot()
    bench.polytomic.order("get_identity", answer)
    with pytest.raises(PolytomicError) as caught:
        bench.remove()
    assert caught.value is answer
    assert bench.store.snapshot() == before


@pytest.mark.parametrize("answer", OF_A_PROXY.values(), ids=OF_A_PROXY)
def test_a_proxy_that_refuses_everybody_does_not_say_that_the_key_is_dead(bench, answer):
    bench.hold(owner=None)
    before = bench.store.snapshot()
    bench.polytomic.order("get_identity", answer)
    with raises(IssuanceIncompleteError, "proxy_answered"):
        bench.remove()
    assert bench.store.snapshot() == before
    assert bench.remove().removed


@pytest.mark.parametrize(
    "answer", [*DEAD.values(), *OF_A_PROXY.values(), *NO_ANSWER.values()], ids=[*DEAD, *OF_A_PROXY, *NO_ANSWER]
)
def test_a_polytomic_that_does_not_know_the_caller_either_has_not_called_the_key_dead(bench, answer):
    bench.hold(owner=None)
    before = bench.store.snapshot()
    bench.polytomic.order("get_identity of the caller", answer)
    with pytest.raises(PolytomicError) as caught:
        bench.remove()
    assert caught.value is answer
    assert bench.store.snapshot() == before


@pytest.mark.parametrize("owner", [TARGET, OTHER])
def test_a_key_that_works_stays_whoever_it_answers_as(bench, owner):
    bench.hold(owner=owner)
    assert_refused(bench, "key_still_works")


def test_a_key_that_dies_a_moment_after_its_user_is_asked_about_again(bench):
    bench.hold()
    bench.polytomic.order("get_identity", None, None, bench.polytomic.live.clear)
    assert bench.remove().removed
    assert len(bench.polytomic.asked_about) == 3
    assert bench.store.permanently is True


def test_a_key_that_still_works_is_waited_for_within_bounds(bench):
    bench.hold()
    assert_refused(bench, "key_still_works")
    assert len(bench.polytomic.asked_about) == 5
    assert 5 < sum(bench.time.slept) < 8


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("state", ["done", "open", "failed", "open, nothing stored"])
def test_where_the_organization_is_unknown_nothing_is_sent_or_believed(bench, answer, state):
    if "nothing" not in state:
        bench.hold(owner=None, is_recognised=True)
    if state != "done":
        bench.record(state.partition(",")[0], previous_fingerprint="absent")
    bench.polytomic.order("get_organization", answer)
    assert_refused(bench, "organization_unknown")
    assert not {"get_identity", "get_user"} & set(bench.calls)
    bench.polytomic.order("get_organization", answer)
    assert bench.remove(allow_active_key=True).target == TARGET
    assert (bench.store.value, bench.store.record) == (None, None)
    assert bench.store.permanently is not True


@pytest.mark.parametrize("answer", [*OF_A_PROXY.values(), *NO_ANSWER.values()], ids=[*OF_A_PROXY, *NO_ANSWER])
def test_no_answer_about_the_organization_ends_the_try(bench, answer):
    bench.hold(owner=None)
    before = bench.store.snapshot()
    bench.polytomic.order("get_organization", answer)
    with pytest.raises(PolytomicError) as caught:
        bench.remove()
    assert caught.value is answer
    assert bench.polytomic.asked_about == []
    assert bench.store.snapshot() == before


def test_a_key_of_the_organization_itself_may_ask_although_it_is_no_partners(bench):
    bench.hold(owner=None)
    bench.polytomic.caller = Identity(is_user=True, organization_id=TARGET.org_id.upper())
    bench.polytomic.order("get_organization", UNKNOWN["another partner"])
    assert bench.remove().removed


@pytest.mark.parametrize("stored", [None, "stored-key"])
def test_an_open_record_stays_while_its_user_exists(bench, stored):
    if stored:
        bench.hold(stored, owner=None, is_recognised=True)
    bench.record("open")
    assert_refused(bench, "user_still_exists")
    assert bench.remove(allow_active_key=True).target == TARGET
    assert (bench.store.value, bench.store.record) == (None, None)


def test_an_open_record_goes_once_its_user_is_gone(bench):
    bench.record("open")
    bench.polytomic.order("get_user", GONE)
    assert bench.remove() == Removed(removed=True, target=TARGET)
    assert bench.store.record is None
    assert "remove" not in bench.calls


def test_a_403_does_not_say_that_the_user_is_gone(bench):
    bench.record("open")
    refusal = PolytomicForbiddenError("the organization is not yours.", status=403, is_from_polytomic=True)
    bench.polytomic.order("get_user", refusal)
    assert_refused(bench, "user_state_unknown")


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_answer_does_not_say_that_the_user_is_gone(bench, answer):
    bench.record("open")
    bench.polytomic.order("get_user", answer)
    with pytest.raises(PolytomicError) as caught:
        bench.remove()
    assert caught.value is answer
    assert bench.store.record
