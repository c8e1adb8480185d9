"""Rotation with a standby user, as tables: whose turn it is, and which key stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_polytomic._issuance import Ensure, Rotate
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._issuance.request import KeyOwners
from airflow_provider_polytomic._issuance.standby import next_user
from airflow_provider_polytomic.exceptions import (
    IssuanceRefusedError,
    PolytomicConnectionError,
    PolytomicNotFoundError,
)
from tests.reasons import raises
from tests.runs import renew, run_at
from tests.unit.issuance.harness import MONDAY, OTHER, TARGET, THIRD, TUESDAY, Harness, fingerprint

ENSURE, ROTATE = Ensure(), renew(MONDAY)
A_WEEK_AGO = MONDAY - timedelta(days=7)
UNKNOWN_USER = PolytomicNotFoundError("no such user", status=404, is_from_polytomic=True)
LOST = PolytomicConnectionError("lost")


def record_of(state, user, *, forced=True):
    nobody = "6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c99"
    done = ("0" * 32, MONDAY) if state == "done" else ()
    return IssuanceRecord(state, nobody, forced, 0, MONDAY, "absent", user, *done)


@pytest.mark.parametrize(
    ("record", "in_use", "expected"),
    [
        (None, None, TARGET),
        (None, TARGET, OTHER),
        (None, OTHER, TARGET),
        # A revoked or removed key may still be cached somewhere: the other user's key is issued.
        (record_of("done", TARGET), None, OTHER),
        (record_of("done", OTHER), None, TARGET),
        # The key that works counts, whatever the record says.
        (record_of("done", TARGET), OTHER, TARGET),
        (record_of("done", OTHER), TARGET, OTHER),
        # An interrupted issuance is resumed, except for the user whose key is in use.
        (record_of("open", TARGET), None, TARGET),
        (record_of("open", OTHER), None, OTHER),
        (record_of("open", OTHER), TARGET, OTHER),
        (record_of("open", TARGET), OTHER, TARGET),
        (record_of("open", TARGET), TARGET, OTHER),
        (record_of("open", OTHER), OTHER, TARGET),
        # An issuance without force revokes nothing and need not be resumed.
        (record_of("open", OTHER, forced=False), None, TARGET),
        (record_of("open", OTHER, forced=False), OTHER, TARGET),
        (record_of("failed", OTHER), None, TARGET),
        (record_of("failed", OTHER), TARGET, OTHER),
    ],
)
def test_the_next_user_is_never_the_one_whose_key_is_in_use(record, in_use, expected):
    assert next_user(KeyOwners(TARGET, OTHER), record, in_use=in_use) == expected
    assert next_user(KeyOwners(TARGET), record, in_use=in_use) == TARGET


def test_two_users_are_named_and_told_apart():
    users, alone = KeyOwners(TARGET, OTHER), KeyOwners(TARGET)
    assert (list(users), list(alone)) == ([TARGET, OTHER], [TARGET])
    assert (users.other(TARGET), users.other(OTHER), alone.other(TARGET)) == (OTHER, TARGET, TARGET)
    assert (str(users), str(alone)) == (f"{TARGET} or {OTHER}", str(TARGET))


def test_the_two_take_turns_and_the_key_in_use_lives_on(harness: Harness):
    stored, owners = [], []
    for run in range(5):
        harness.time.pass_(days=7)
        reference = harness.issue(renew(harness.time.now + timedelta(seconds=run)), standby=OTHER)
        stored.append(harness.store.value)
        owners.append(reference.target)
        assert (reference.issued, reference.fingerprint) == (True, fingerprint(harness.store.value or ""))
        assert reference.outage_seconds == 0.0
        assert (harness.store.parsed.target, harness.store.parsed.state) == (reference.target, "done")
        assert harness.polytomic.live == dict(zip(stored[-2:], owners[-2:], strict=True)), "only the last two"
    assert owners == [TARGET, OTHER, TARGET, OTHER, TARGET]


@pytest.mark.parametrize("standby", [None, OTHER])
def test_nothing_issued_is_no_outage_at_all(harness: Harness, standby):
    harness.hold(issued_at=MONDAY)
    reference = harness.issue(standby=standby)
    assert (reference.issued, reference.outage_seconds) == (False, None)


@pytest.mark.parametrize(("owner", "turn"), [(TARGET, OTHER), (OTHER, TARGET)])
@pytest.mark.parametrize("order", [(TARGET, OTHER), (OTHER, TARGET)], ids=["as given", "swapped"])
def test_the_one_whose_key_is_not_stored_is_next(harness: Harness, owner, turn, order):
    harness.hold(owner=owner, recorded=owner)
    assert harness.issue(ROTATE, order[0], standby=order[1]).target == turn
    assert "stored-key" in harness.polytomic.live


@pytest.mark.parametrize("owner", [TARGET, OTHER])
@pytest.mark.parametrize("mode", [ENSURE, ROTATE, renew(TUESDAY, timedelta(days=7))], ids=["ensure", "renew", "by age"])
def test_a_key_of_either_that_is_not_due_is_kept(harness: Harness, owner, mode):
    harness.hold(owner=owner, recorded=owner, issued_at=MONDAY)
    before = harness.store.snapshot()
    reference = harness.issue(mode, standby=OTHER)
    assert (reference.issued, reference.target, reference.issued_at) == (False, owner, MONDAY)
    assert (harness.polytomic.posts, harness.store.snapshot()) == ([], before)


@pytest.mark.parametrize("recorded", [TARGET, OTHER])
@pytest.mark.parametrize("gone", [False, True], ids=["revoked", "removed"])
def test_if_the_stored_key_is_revoked_or_removed_the_record_decides_whose_turn_it_is(harness: Harness, recorded, gone):
    harness.hold(owner=None, recorded=recorded)
    if gone:
        harness.store.put(None)
    reference = harness.issue(standby=OTHER)
    assert {reference.target, recorded} == {TARGET, OTHER}
    assert harness.polytomic.live[harness.store.value or ""] == reference.target


@pytest.mark.parametrize("standby", [None, OTHER])
def test_a_destination_of_a_third_user_is_left_alone_unless_it_changes_hands(harness: Harness, standby):
    harness.hold(owner=THIRD, recorded=THIRD)
    before = harness.store.snapshot()
    with raises(IssuanceRefusedError, "record_of_another_user"):
        harness.issue(standby=standby)
    assert (harness.polytomic.posts, harness.store.snapshot()) == ([], before)
    assert harness.issue(standby=standby, take_over=True).target == TARGET
    assert harness.polytomic.live["stored-key"] == THIRD, "its owner keeps it"


@pytest.mark.parametrize(
    "stored", [{"issued_at": None, "is_recognised": True}, {"issued_at": TUESDAY}], ids=["bare", "recorded"]
)
def test_a_working_key_of_a_third_user_stays(harness: Harness, stored):
    harness.hold(owner=THIRD, **stored)
    with raises(IssuanceRefusedError, "key_of_another_user"):
        harness.issue(standby=OTHER)
    assert (harness.polytomic.posts, harness.store.value) == ([], "stored-key")
    assert harness.issue(standby=OTHER, take_over=True).issued


@pytest.mark.parametrize(("owner", "turn"), [(TARGET, OTHER), (OTHER, TARGET)])
def test_a_key_without_a_record_is_replaced_by_the_others_when_the_user_says_so(harness: Harness, owner, turn):
    harness.hold(owner=owner, issued_at=None, is_recognised=True)
    with raises(IssuanceRefusedError, "age_unknown"):
        harness.issue(standby=OTHER)
    assert harness.issue(standby=OTHER, take_over=True).target == turn
    assert harness.polytomic.live["stored-key"] == owner


def test_a_key_of_the_standby_user_is_no_business_of_a_single_users(harness: Harness):
    harness.hold(owner=OTHER, recorded=OTHER)
    with raises(IssuanceRefusedError, "record_of_another_user"):
        harness.issue()
    assert harness.polytomic.posts == []


@pytest.mark.parametrize("time", [MONDAY, TUESDAY])
def test_a_reference_is_of_the_run_that_issued_it_or_of_an_earlier_try_of_it(harness: Harness, time):
    harness.hold(issued_at=A_WEEK_AGO)
    run, other = run_at(time), run_at(time, "of another DAG")
    kept = harness.issue(Rotate(run, timedelta(days=30)), standby=OTHER)
    assert (kept.issued, kept.is_of_run(run)) == (False, False)
    issued = harness.issue(Rotate(run, timedelta(0)), standby=OTHER)
    assert (issued.is_of_run(run), issued.is_of_run(other)) == (True, True), "by this very try"
    again = harness.issue(Rotate(run, timedelta(0)), standby=OTHER)
    assert (again.issued, again.is_of_run(run), again.is_of_run(other)) == (False, True, False)
    older = harness.issue(renew(A_WEEK_AGO), standby=OTHER)
    assert (older.issued, older.is_of_run(run_at(A_WEEK_AGO))) == (False, False), "an older run that was cleared"


def test_a_key_of_unknown_age_is_of_no_run(harness: Harness):
    harness.hold(issued_at=None, is_recognised=True)
    assert harness.issue(ENSURE).is_of_run(run_at(A_WEEK_AGO)) is False


def test_a_standby_user_who_is_gone_can_be_replaced(harness: Harness):
    harness.hold(issued_at=A_WEEK_AGO)
    harness.polytomic.order("create_api_key", UNKNOWN_USER)
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        harness.issue(standby=OTHER)
    assert (harness.store.value, harness.store.parsed.state, harness.store.parsed.target) == (
        "stored-key",
        "failed",
        OTHER,
    )
    reference = harness.issue(standby=THIRD)
    assert (reference.target, reference.issued) == (THIRD, True)
    assert harness.polytomic.live == {"stored-key": TARGET, "minted-key-1": THIRD}


def test_nor_does_a_mistyped_standby_user_stop_a_rotation_for_one_user(harness: Harness):
    harness.hold(issued_at=A_WEEK_AGO)
    harness.polytomic.order("create_api_key", UNKNOWN_USER)
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        harness.issue(standby=OTHER)
    assert harness.issue().issued


def test_a_failed_issuance_for_another_user_covers_no_other_value(harness: Harness):
    harness.hold(issued_at=A_WEEK_AGO)
    harness.polytomic.order("create_api_key", UNKNOWN_USER)
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        harness.issue(standby=OTHER)
    harness.store.put("put-there-by-hand")
    with raises(IssuanceRefusedError, "unknown_value"):
        harness.issue(standby=THIRD)
