"""What does a rotation between two users do about what another one has left open? It revokes no key in use."""

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


def left_open(bench: Harness, user, **fields):
    """Have an issuance open that began with the stored key."""
    return bench.record(target=user, previous_fingerprint=fingerprint("stored-key"), **fields)


def promoted(bench: Harness, *, opened_at=MONDAY):
    """Have the standby user's key stored by one that died before it closed its record."""
    bench.hold()
    record = left_open(bench, OTHER, opened_at=opened_at)
    bench.polytomic.live["promoted-key"] = OTHER
    bench.store.put("promoted-key", is_recognised=True)
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
def test_what_was_interrupted_is_resumed_for_the_same_user(bench: Harness, owner, call, fault):
    bench.hold(owner=owner, recorded=owner)
    (bench.polytomic if call == "create_api_key" else bench.store).order(call, fault)
    with pytest.raises((IssuanceIncompleteError, SecretStoreUnavailableError)):
        bench.issue(standby=OTHER)
    reference = bench.issue(standby=OTHER)
    assert {reference.target, owner} == {TARGET, OTHER}
    assert bench.polytomic.minted == 1
    assert bench.polytomic.live == {"stored-key": owner, "minted-key-1": reference.target}
    assert (bench.store.value, bench.store.parsed.target) == ("minted-key-1", reference.target)
    assert reference.is_of_run(run_at(MONDAY))
    assert reference.is_new(run_at(MONDAY), retried=True)


@pytest.mark.parametrize("later", [run_at(MONDAY), run_at(MONDAY, "of another DAG")])
def test_a_key_that_died_unannounced_is_announced_by_whoever_closes_its_record(bench: Harness, later):
    promoted(bench)
    reference = bench.issue(Rotate(later, WEEK), standby=OTHER)
    assert (reference.issued, reference.resumed) == (False, True)
    assert reference.is_new(later, retried=False)
    assert bench.issue(Rotate(later, WEEK), standby=OTHER).is_new(later, retried=False) is False


def test_a_store_that_fails_while_the_other_users_issuance_is_open_is_worth_a_retry(bench: Harness):
    bench.hold()
    left_open(bench, OTHER)
    bench.store.order("read", AWAY)
    with raises(IssuanceIncompleteError, "store_failed"):
        bench.issue(standby=OTHER)


@pytest.mark.parametrize("works", [True, False], ids=["not sent", "its key is lost"])
def test_what_was_open_for_a_single_user_is_not_asked_for_while_his_key_is_in_use(bench: Harness, works):
    bench.hold(owner=TARGET if works else None)
    opened = left_open(bench, TARGET)
    reference = bench.issue(standby=OTHER)
    assert reference.target == (OTHER if works else TARGET)
    assert (reference.issuance_id == opened.issuance_id) is not works
    assert ("stored-key" in bench.polytomic.live) is works


def test_a_single_user_does_not_take_over_what_is_open_for_the_standby_user(bench: Harness):
    bench.hold()
    left_open(bench, OTHER)
    with raises(IssuanceRefusedError, "record_of_another_user"):
        bench.issue()
    assert bench.issue(target=OTHER).target == OTHER, "but he himself goes on with it"


def test_what_was_ensured_and_promoted_is_in_use(bench: Harness):
    bench.record(forced=False, previous_fingerprint="absent")
    bench.hold(issued_at=None, is_recognised=True)
    assert bench.issue(standby=OTHER).target == OTHER
    assert "stored-key" in bench.polytomic.live


def test_what_is_open_unforced_is_not_joined(bench: Harness):
    opened = bench.record(forced=False)
    reference = bench.issue(standby=OTHER)
    assert (reference.target, bench.polytomic.posts[0][1]) == (TARGET, True)
    assert reference.issuance_id != opened.issuance_id


@pytest.mark.parametrize("mode", [Ensure(), renew(MONDAY), renew(TUESDAY)], ids=["ensure", "same run", "next run"])
def test_a_key_that_was_promoted_is_closed_and_not_revoked(bench: Harness, mode):
    opened = promoted(bench)
    reference = bench.issue(mode, standby=OTHER)
    assert (reference.issued, reference.target, reference.issued_at) == (False, OTHER, opened.opened_at)
    assert reference.run == mode.run
    assert (reference.issuance_id, bench.polytomic.posts) == (opened.issuance_id, [])
    record = bench.store.parsed
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
def test_a_key_that_was_promoted_long_ago_is_as_old_as_it_is(bench: Harness, open_for, max_age, issued, of_this_run):
    run = renew(bench.time.now, max_age)
    opened = promoted(bench, opened_at=bench.time.now - open_for)
    reference = bench.issue(run, standby=OTHER)
    assert (reference.issued, reference.target) == (issued, TARGET if issued else OTHER)
    assert reference.issued_at == (bench.time.now if issued else opened.opened_at)
    assert reference.is_of_run(run.run) is of_this_run
    assert bench.store.parsed.issued_at == reference.issued_at
    assert bench.polytomic.live["promoted-key"] == OTHER


def test_one_that_is_due_has_its_record_replaced_in_one_step(bench: Harness):
    """One between that says "done" could be written by a slow issuer over the next issuance's."""
    promoted(bench, opened_at=MONDAY - WEEK)
    states = []
    bench.store.order("write_record", *[lambda: states.append(bench.store.parsed.state)] * 2)
    assert bench.issue(standby=OTHER).issued
    assert states == ["open", "open"]


@pytest.mark.parametrize("open_for", [timedelta(hours=24), timedelta(hours=25)])
def test_what_is_joined_after_a_day_counts_as_open_since_then(bench: Harness, caplog, open_for):
    bench.hold()
    opened = left_open(bench, OTHER, opened_at=bench.time.now - open_for)
    bench.store.order("write_record", None, AWAY)
    with caplog.at_level(logging.WARNING), pytest.raises(IssuanceIncompleteError):
        bench.issue(standby=OTHER)
    is_old = open_for > DAY
    assert bench.store.parsed.opened_at == (bench.time.now if is_old else opened.opened_at)
    assert (f"has been open since {opened.opened_at.isoformat()}" in caplog.text) is is_old
    assert bench.issue(standby=OTHER).issued is False, "the retry does not take its key for an old one"
    assert bench.polytomic.posts == [(f"{opened.issuance_id}-0", True)]


@pytest.mark.parametrize("open_for", [timedelta(hours=24), timedelta(hours=25)])
def test_what_was_overtaken_is_gone_on_with_only_as_long_as_somebody_may_be_there(bench: Harness, open_for):
    bench.hold()
    opened = bench.record(
        target=OTHER, previous_fingerprint=fingerprint("earlier"), opened_at=bench.time.now - open_for
    )
    reference = bench.issue(standby=OTHER)
    assert reference.issued is (open_for > DAY)
    assert (bench.polytomic.posts[0][0] == f"{opened.issuance_id}-0") is not reference.issued
    assert bench.store.value == ("minted-key-1" if reference.issued else "stored-key")
    assert bench.polytomic.live["stored-key"] == TARGET


@pytest.mark.parametrize("stored", [True, False])
def test_a_key_that_was_not_verified_is_never_promoted(bench: Harness, stored):
    if stored:
        bench.hold()
    bench.polytomic.order("get_identity", *[None] * stored, LOST)
    with raises(IssuanceIncompleteError, "new_key_unverified"):
        bench.issue(standby=OTHER)
    assert bench.store.value == ("stored-key" if stored else None)
    assert bench.store.parsed.state == "open"
    assert bench.issue(standby=OTHER).issued
    assert bench.polytomic.minted == 1


def test_a_new_key_that_answers_as_the_other_user_is_never_stored(bench: Harness):
    bench.hold()
    bench.polytomic.order("get_identity", None, lambda: bench.polytomic.live.update({"minted-key-1": TARGET}))
    with raises(IssuanceRefusedError, "issued_key_of_another_user"):
        bench.issue(standby=OTHER)
    assert (bench.store.value, bench.store.parsed.state) == ("stored-key", "open")


def test_a_store_that_changed_is_written_only_with_a_key_that_still_answers(bench: Harness):
    bench.hold()
    bench.store.order("write", SecretStoreConflictError("changed"))
    bench.polytomic.order("get_identity", None, None, LOST)
    with raises(IssuanceIncompleteError, "new_key_unverified"):
        bench.issue(standby=OTHER)
    assert bench.store.value == "stored-key"


def test_what_never_fits_but_stays_the_same_is_read_twice(bench: Harness):
    bench.hold("earlier", owner=None)
    bench.hold(issued_at=None, is_recognised=True)
    assert bench.issue(standby=OTHER).target == OTHER
    assert bench.calls.index("get_identity") == 4


def test_what_does_not_fit_is_read_until_it_stays_the_same(bench: Harness):
    """Value and record are read one after the other; a record of a later key is no record of what became of this."""
    bench.hold(owner=None)
    bench.store.put(None)
    stale, closed = bench.store.record, []

    def others_rotate() -> None:
        bench.hold("of-the-standby-user", owner=OTHER, recorded=OTHER, issued_at=MONDAY)
        closed.append(bench.store.record)
        bench.store.record = stale

    def and_close() -> None:
        bench.store.record = closed[0]

    bench.store.order("read", None, others_rotate)
    bench.store.order("read_record", None, None, and_close)
    assert bench.issue(standby=OTHER).issued is False
    assert (bench.calls.count("read"), bench.polytomic.posts) == (3, [])


def created(bench: Harness) -> None:
    """Run the task that creates the first user's key."""
    bench.issue(Ensure())


def rotated_by_another(bench: Harness) -> None:
    """Run two rotations of a DAG that has the two users the other way round."""
    for weeks in range(2):
        bench.issue(renew(MONDAY + weeks * WEEK), target=OTHER, standby=TARGET)


@pytest.mark.parametrize("other_task", [created, rotated_by_another])
def test_what_another_task_has_stored_before_the_post_is_not_revoked(bench: Harness, other_task):
    stored: list[str] = []

    def meanwhile() -> None:
        other_task(bench)
        assert bench.store.value is not None
        assert bench.polytomic.live[bench.store.value] == TARGET  # whose key the rotation is about to ask for
        stored.append(bench.store.value)

    bench.store.order("check_write", meanwhile)
    reference = bench.issue(standby=OTHER)
    assert stored[0] in bench.polytomic.live
    assert bench.polytomic.live.get(bench.store.value or "") == reference.target
