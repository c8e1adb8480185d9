"""What may go, and what stays until somebody decides? The rules about whose key it is and whether it works."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.exceptions import (
    IssuanceRefusedError,
    MisconfiguredError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicNoAnswerError,
    PolytomicNotFoundError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.removing import Removed

from .bench import GONE, OTHER, OWN, TARGET, fingerprint

DEAD = {
    "401": PolytomicUnauthorizedError("unknown", status=401),
    "403 in its own words": PolytomicForbiddenError("unknown", status=403, own_words=True),
}
NO_ANSWER = {
    "lost": PolytomicNoAnswerError("lost"),
    "503": PolytomicUnavailableError("busy", status=503),
    "403 of a proxy": PolytomicForbiddenError("blocked", status=403),
    "404 of a proxy": PolytomicNotFoundError("lost its way", status=404),
}


def assert_refused(bench, match, **given):
    before = bench.store.snapshot()
    with pytest.raises(IssuanceRefusedError, match=match) as caught:
        bench.remove(**given)
    assert "Nothing was removed" in str(caught.value)
    assert "memory:acme" in str(caught.value)
    assert bench.store.snapshot() == before
    return str(caught.value)


def test_where_nothing_is_there_is_nothing_to_do(bench):
    assert bench.remove() == Removed(removed=False)
    assert bench.calls == ["read", "read_record"]


@pytest.mark.parametrize("answer", DEAD.values(), ids=DEAD)
def test_a_dead_key_of_ours_goes_for_good_and_its_record_with_it(bench, answer):
    bench.hold()
    bench.vendor.order("get_identity", answer)
    assert bench.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))
    assert (bench.store.value, bench.store.record, bench.store.for_good) == (None, None, True)


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_answer_is_never_dead(bench, answer):
    bench.hold(owner=None)
    before = bench.store.snapshot()
    bench.vendor.order("get_identity", answer)
    with pytest.raises(PolytomicError) as caught:
        bench.remove()
    assert caught.value is answer
    assert bench.store.snapshot() == before


@pytest.mark.parametrize("owner", [TARGET, OTHER])
def test_a_key_that_works_stays_whoever_it_answers_as(bench, owner):
    bench.hold(owner=owner)
    assert "allow_live=True" in assert_refused(bench, "still works.*Delete its user first")


def test_a_key_that_may_live_on_is_not_asked_about_and_kept_recoverable(bench):
    bench.hold()
    assert bench.remove(allow_live=True).removed
    assert bench.vendor.asked_about == []
    assert (bench.store.value, bench.store.record, bench.store.for_good) == (None, None, False)


@pytest.mark.parametrize(
    ("held", "match"),
    [
        ({"key": "two words", "foreign": True, "owner": None, "issued_at": None}, "other than a Polytomic key"),
        ({"key": "by-hand", "issued_at": None}, "without a record"),
        ({"key": "by-hand", "issued_at": None, "ours": True}, "without a record"),
    ],
    ids=["foreign", "no record", "a connection to Polytomic without a record"],
)
@pytest.mark.parametrize("allow_live", [False, True])
def test_what_is_not_ours_stays_and_is_sent_nowhere_until_taken_over(bench, held, match, allow_live):
    key, foreign = held["key"], held.get("foreign", False)
    bench.hold("by-hand" if foreign else key, **{name: held[name] for name in held if name not in {"key", "foreign"}})
    if foreign:
        bench.store.put(None, foreign=True)
    said = assert_refused(bench, match, allow_live=allow_live)
    assert "take_over=True" in said
    assert bench.remove(take_over=True, allow_live=allow_live) == Removed(removed=True)
    assert (bench.store.value, bench.store.foreign, bench.store.for_good) == (None, False, False)
    assert bench.vendor.asked_about == []


def test_another_value_than_the_records_stays_until_taken_over(bench):
    bench.hold()
    bench.store.put("by-hand", ours=True)
    assert_refused(bench, "another value than the one that its record tells of")
    assert bench.remove(take_over=True) == Removed(removed=True, target=TARGET)
    assert (bench.store.value, bench.store.record, bench.store.for_good) == (None, None, False)
    assert bench.vendor.asked_about == []


def test_a_key_of_ours_that_works_is_not_taken_over(bench):
    bench.hold()
    assert_refused(bench, "still works", take_over=True)


def test_the_callers_own_key_always_stays(bench):
    bench.hold(OWN)
    for given in ({}, {"take_over": True}, {"take_over": True, "allow_live": True}):
        assert_refused(bench, "caller's own key", **given)
    assert bench.vendor.asked_about == []


@pytest.mark.parametrize("state", ["open", "failed"])
@pytest.mark.parametrize("before", [None, fingerprint("stored-key")], ids=["may have stored it", "began with it"])
def test_what_an_unfinished_issuance_may_have_stored_goes_once_it_is_dead_but_recoverable(bench, state, before):
    bench.hold(owner=None)
    bench.record(state, before=before or "absent")
    bench.vendor.order("get_user", GONE)
    assert bench.remove() == Removed(removed=True, target=TARGET, fingerprint=fingerprint("stored-key"))
    assert (bench.store.value, bench.store.record, bench.store.for_good) == (None, None, False)


@pytest.mark.parametrize("state", ["open", "failed"])
def test_what_an_unfinished_issuance_has_stored_stays_while_it_works(bench, state):
    bench.hold()
    bench.record(state, before="absent")
    bench.vendor.order("get_user", GONE)
    assert_refused(bench, "still works")


@pytest.mark.parametrize("stored", [None, "stored-key"])
def test_an_open_record_stays_while_its_user_exists(bench, stored):
    if stored:
        bench.hold(stored, owner=None)
    bench.record("open")
    said = assert_refused(bench, "open since 2031-01-06.*its user still exists.*Delete the user first")
    assert "allow_live=True" in said
    assert bench.remove(allow_live=True).target == TARGET
    assert (bench.store.value, bench.store.record) == (None, None)


def test_an_open_record_goes_once_its_user_is_gone(bench):
    bench.record("open")
    bench.vendor.order("get_user", GONE)
    assert bench.remove() == Removed(removed=True, target=TARGET)
    assert bench.store.record is None
    assert "remove" not in bench.calls


def test_a_403_does_not_say_that_the_user_is_gone(bench):
    bench.record("open")
    refusal = PolytomicForbiddenError("the organization is not yours.", status=403, own_words=True)
    bench.vendor.order("get_user", refusal)
    assert_refused(bench, "does not say whether its user is gone .the organization is not yours.")


@pytest.mark.parametrize("answer", [answer for answer in NO_ANSWER.values() if getattr(answer, "status", 0) != 403])
def test_no_answer_does_not_say_that_the_user_is_gone(bench, answer):
    bench.record("open")
    bench.vendor.order("get_user", answer)
    with pytest.raises(PolytomicError) as caught:
        bench.remove()
    assert caught.value is answer
    assert bench.store.record


def test_a_failed_record_goes_without_asking_anybody(bench):
    bench.record("failed")
    assert bench.remove() == Removed(removed=True, target=TARGET)
    assert bench.store.record is None
    assert not {"get_user", "get_identity", "remove"} & set(bench.calls)


def test_a_damaged_record_stops_everything(bench):
    bench.hold()
    bench.store.record = {"state": "done"}
    with pytest.raises(MisconfiguredError, match="damaged"):
        bench.remove(take_over=True, allow_live=True)
    assert bench.store.value == "stored-key"
