"""Rotation between two users after an interruption: it revokes no key in use."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from airflow_provider_polytomic._issuance import Ensure, Rotate
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConnectionError,
    SecretStoreConflictError,
    SecretStoreUnavailableError,
)
from tests.reasons import raises
from tests.runs import renew, run_at
from tests.unit.issuance.harness import MONDAY, OTHER, TARGET, TUESDAY, After, Harness, fingerprint

LOST, AWAY = PolytomicConnectionError("lost"), SecretStoreUnavailableError("away")
DAY, WEEK = timedelta(days=1), timedelta(days=7)


def left_open(harness: Harness, user, **fields):
    """Have an issuance open that began with the stored key."""
    return harness.record(target=user, previous_fingerprint=fingerprint("stored-key"), **fields)


def promoted(harness: Harness, *, opened_at=MONDAY):
    """Have the standby user's key stored by one that died before it closed its record."""
    harness.hold()
    record = left_open(harness, OTHER, opened_at=opened_at)
    harness.polytomic.live["promoted-key"] = OTHER
    harness.store.put("promoted-key", is_recognised=True)
    return record


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("create_api_key", LOST),
        ("create_api_key", After(LOST)),
        ("read_back", AWAY),
        ("write_record", After(AWAY)),
    ],
    ids=["before the POST", "its answer", "the promotion", "the record"],
)
@pytest.mark.parametrize("owner", [TARGET, OTHER])
def test_what_was_interrupted_is_resumed_for_the_same_user(harness: Harness, owner, call, fault):
    harness.hold(owner=owner, recorded=owner)
    (harness.polytomic if call == "create_api_key" else harness.store).order(call, fault)
    with pytest.raises((IssuanceIncompleteError, SecretStoreUnavailableError)):
        harness.issue(standby=OTHER)
    reference = harness.issue(standby=OTHER)
    assert {reference.target, owner} == {TARGET, OTHER}
    assert harness.polytomic.minted == 1
    assert harness.polytomic.live == {"stored-key": owner, "minted-key-1": reference.target}
    assert (harness.store.value, harness.store.parsed.target) == ("minted-key-1", reference.target)
    assert reference.is_of_run(run_at(MONDAY))
    assert reference.is_new(run_at(MONDAY), retried=True)


@pytest.mark.parametrize("later", [run_at(MONDAY), run_at(MONDAY, "of another DAG")])
def test_an_unannounced_key_is_announced_by_the_issuer_that_closes_its_record(harness: Harness, later):
    promoted(harness)
    reference = harness.issue(Rotate(later, WEEK), standby=OTHER)
    assert (reference.issued, reference.resumed) == (False, True)
    assert reference.is_new(later, retried=False)
    assert harness.issue(Rotate(later, WEEK), standby=OTHER).is_new(later, retried=False) is False


def test_a_store_that_fails_while_the_other_users_issuance_is_open_is_worth_a_retry(harness: Harness):
    harness.hold()
    left_open(harness, OTHER)
    harness.store.order("read", AWAY)
    with raises(IssuanceIncompleteError, "store_failed"):
        harness.issue(standby=OTHER)


@pytest.mark.parametrize("works", [True, False], ids=["not sent", "its key is lost"])
def test_what_was_open_for_a_single_user_is_not_asked_for_while_his_key_is_in_use(harness: Harness, works):
    harness.hold(owner=TARGET if works else None)
    opened = left_open(harness, TARGET)
    reference = harness.issue(standby=OTHER)
    assert reference.target == (OTHER if works else TARGET)
    assert (reference.issuance_id == opened.issuance_id) is not works
    assert ("stored-key" in harness.polytomic.live) is works


def test_a_single_user_does_not_take_over_what_is_open_for_the_standby_user(harness: Harness):
    harness.hold()
    left_open(harness, OTHER)
    with raises(IssuanceRefusedError, "record_of_another_user"):
        harness.issue()
    assert harness.issue(target=OTHER).target == OTHER, "its own user continues it"


def test_what_was_ensured_and_promoted_is_in_use(harness: Harness):
    harness.record(forced=False, previous_fingerprint="absent")
    harness.hold(issued_at=None, is_recognised=True)
    assert harness.issue(standby=OTHER).target == OTHER
    assert "stored-key" in harness.polytomic.live


def test_what_is_open_unforced_is_not_joined(harness: Harness):
    opened = harness.record(forced=False)
    reference = harness.issue(standby=OTHER)
    assert (reference.target, harness.polytomic.posts[0][1]) == (TARGET, True)
    assert reference.issuance_id != opened.issuance_id


@pytest.mark.parametrize("mode", [Ensure(), renew(MONDAY), renew(TUESDAY)], ids=["ensure", "same run", "next run"])
def test_a_key_that_was_promoted_is_closed_and_not_revoked(harness: Harness, mode):
    opened = promoted(harness)
    reference = harness.issue(mode, standby=OTHER)
    assert (reference.issued, reference.target, reference.issued_at) == (False, OTHER, opened.opened_at)
    assert reference.run == mode.run
    assert (reference.issuance_id, harness.polytomic.posts) == (opened.issuance_id, [])
    record = harness.store.parsed
    assert (record.state, record.fingerprint, record.target) == ("done", fingerprint("promoted-key"), OTHER)


@pytest.mark.parametrize(
    ("open_for", "max_age", "issued", "of_this_run"),
    [
        (DAY, WEEK, False, True),
        (DAY + timedelta(seconds=1), WEEK, False, False),
        (6 * DAY, WEEK, False, False),
        (7 * DAY, WEEK, True, True),
        (DAY, timedelta(0), False, True),
        (2 * DAY, timedelta(0), True, True),
    ],
)
def test_a_key_that_was_promoted_long_ago_is_as_old_as_it_is(harness: Harness, open_for, max_age, issued, of_this_run):
    run = renew(harness.time.now, max_age)
    opened = promoted(harness, opened_at=harness.time.now - open_for)
    reference = harness.issue(run, standby=OTHER)
    assert (reference.issued, reference.target) == (issued, TARGET if issued else OTHER)
    assert reference.issued_at == (harness.time.now if issued else opened.opened_at)
    assert reference.is_of_run(run.run) is of_this_run
    assert harness.store.parsed.issued_at == reference.issued_at
    assert harness.polytomic.live["promoted-key"] == OTHER


def test_one_that_is_due_has_its_record_replaced_in_one_step(harness: Harness):
    """One between that says "done" could be written by a slow issuer over the next issuance's."""
    promoted(harness, opened_at=MONDAY - WEEK)
    states = []
    harness.store.order("write_record", *[lambda: states.append(harness.store.parsed.state)] * 2)
    assert harness.issue(standby=OTHER).issued
    assert states == ["open", "open"]


@pytest.mark.parametrize("open_for", [timedelta(hours=24), timedelta(hours=25)])
def test_what_is_joined_after_a_day_counts_as_open_since_then(harness: Harness, caplog, open_for):
    harness.hold()
    opened = left_open(harness, OTHER, opened_at=harness.time.now - open_for)
    harness.store.order("write_record", None, AWAY)
    with caplog.at_level(logging.WARNING), pytest.raises(IssuanceIncompleteError):
        harness.issue(standby=OTHER)
    is_old = open_for > DAY
    assert harness.store.parsed.opened_at == (harness.time.now if is_old else opened.opened_at)
    assert (f"Open since {opened.opened_at.isoformat()}" in caplog.text) is is_old
    assert harness.issue(standby=OTHER).issued is False, "the retry does not take its key for an old one"
    assert harness.polytomic.posts == [(f"{opened.issuance_id}-0", True)]


@pytest.mark.parametrize("open_for", [timedelta(hours=24), timedelta(hours=25)])
def test_an_overtaken_issuance_is_continued_only_while_its_issuer_may_be_at_work(harness: Harness, open_for):
    harness.hold()
    opened = harness.record(
        target=OTHER, previous_fingerprint=fingerprint("earlier"), opened_at=harness.time.now - open_for
    )
    reference = harness.issue(standby=OTHER)
    assert reference.issued is (open_for > DAY)
    assert (harness.polytomic.posts[0][0] == f"{opened.issuance_id}-0") is not reference.issued
    assert harness.store.value == ("minted-key-1" if reference.issued else "stored-key")
    assert harness.polytomic.live["stored-key"] == TARGET


@pytest.mark.parametrize("stored", [True, False])
def test_a_key_that_was_not_verified_is_never_promoted(harness: Harness, stored):
    if stored:
        harness.hold()
    harness.polytomic.order("get_identity", *[None] * stored, LOST)
    with raises(IssuanceIncompleteError, "new_key_unverified"):
        harness.issue(standby=OTHER)
    assert harness.store.value == ("stored-key" if stored else None)
    assert harness.store.parsed.state == "open"
    assert harness.issue(standby=OTHER).issued
    assert harness.polytomic.minted == 1


def test_a_new_key_that_answers_as_the_other_user_is_never_stored(harness: Harness):
    harness.hold()
    harness.polytomic.order("get_identity", None, lambda: harness.polytomic.live.update({"minted-key-1": TARGET}))
    with raises(IssuanceRefusedError, "issued_key_of_another_user"):
        harness.issue(standby=OTHER)
    assert (harness.store.value, harness.store.parsed.state) == ("stored-key", "open")


def test_a_store_that_changed_is_written_only_with_a_key_that_still_answers(harness: Harness):
    harness.hold()
    harness.store.order("write", SecretStoreConflictError("changed"))
    harness.polytomic.order("get_identity", None, None, LOST)
    with raises(IssuanceIncompleteError, "new_key_unverified"):
        harness.issue(standby=OTHER)
    assert harness.store.value == "stored-key"


def test_what_never_fits_but_stays_the_same_is_read_twice(harness: Harness):
    harness.hold("earlier", owner=None)
    harness.hold(issued_at=None, is_recognised=True)
    assert harness.issue(standby=OTHER).target == OTHER
    assert harness.calls.index("get_identity") == 4


def test_what_does_not_fit_is_read_until_it_stays_the_same(harness: Harness):
    """Value and record are read one after the other; the record of a later key does not describe an earlier one."""
    harness.hold(owner=None)
    harness.store.put(None)
    stale, closed = harness.store.record, []

    def others_rotate() -> None:
        harness.hold("of-the-standby-user", owner=OTHER, recorded=OTHER, issued_at=MONDAY)
        closed.append(harness.store.record)
        harness.store.record = stale

    def and_close() -> None:
        harness.store.record = closed[0]

    harness.store.order("read", None, others_rotate)
    harness.store.order("read_record", None, None, and_close)
    assert harness.issue(standby=OTHER).issued is False
    assert (harness.calls.count("read"), harness.polytomic.posts) == (3, [])


def created(harness: Harness) -> None:
    """Run the task that creates the first user's key."""
    harness.issue(Ensure())


def rotated_by_another(harness: Harness) -> None:
    """Run two rotations of a DAG that has the two users the other way round."""
    for weeks in range(2):
        harness.issue(renew(MONDAY + weeks * WEEK), target=OTHER, standby=TARGET)


@pytest.mark.parametrize("other_task", [created, rotated_by_another])
def test_what_another_task_has_stored_before_the_post_is_not_revoked(harness: Harness, other_task):
    stored: list[str] = []

    def meanwhile() -> None:
        other_task(harness)
        assert harness.store.value is not None
        assert harness.polytomic.live[harness.store.value] == TARGET  # whose key the rotation is about to ask for
        stored.append(harness.store.value)

    harness.store.order("check_write", meanwhile)
    reference = harness.issue(standby=OTHER)
    assert stored[0] in harness.polytomic.live
    assert harness.polytomic.live.get(harness.store.value or "") == reference.target
