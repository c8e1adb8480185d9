"""Whose turn is it, and what becomes of the other one's key? Rotation with a standby user, as tables."""

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

ENSURE, RENEW = Ensure(), renew(MONDAY)
A_WEEK_AGO = MONDAY - timedelta(days=7)
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
        # Whose key is dead or gone may be remembered somewhere still: the other one's is issued.
        (record_of("done", TARGET), None, OTHER),
        (record_of("done", OTHER), None, TARGET),
        # What answers counts, whatever the record says.
        (record_of("done", TARGET), OTHER, TARGET),
        (record_of("done", OTHER), TARGET, OTHER),
        # What was interrupted is resumed, but not for the one whose key is in use.
        (record_of("open", TARGET), None, TARGET),
        (record_of("open", OTHER), None, OTHER),
        (record_of("open", OTHER), TARGET, OTHER),
        (record_of("open", TARGET), OTHER, TARGET),
        (record_of("open", TARGET), TARGET, OTHER),
        (record_of("open", OTHER), OTHER, TARGET),
        # One that ensured revokes nothing, and need not be resumed.
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


def test_the_two_take_turns_and_the_key_in_use_lives_on(bench: Harness):
    stored, owners = [], []
    for run in range(5):
        bench.time.pass_(days=7)
        reference = bench.issue(renew(bench.time.now + timedelta(seconds=run)), standby=OTHER)
        stored.append(bench.store.value)
        owners.append(reference.target)
        assert (reference.issued, reference.fingerprint) == (True, fingerprint(bench.store.value or ""))
        assert reference.outage_seconds == 0.0
        assert (bench.store.parsed.target, bench.store.parsed.state) == (reference.target, "done")
        assert bench.polytomic.live == dict(zip(stored[-2:], owners[-2:], strict=True)), "the last two, and none before"
    assert owners == [TARGET, OTHER, TARGET, OTHER, TARGET]


@pytest.mark.parametrize("standby", [None, OTHER])
def test_nothing_issued_is_no_outage_at_all(bench: Harness, standby):
    bench.hold(issued_at=MONDAY)
    reference = bench.issue(standby=standby)
    assert (reference.issued, reference.outage_seconds) == (False, None)


@pytest.mark.parametrize(("owner", "turn"), [(TARGET, OTHER), (OTHER, TARGET)])
@pytest.mark.parametrize("order", [(TARGET, OTHER), (OTHER, TARGET)], ids=["as given", "swapped"])
def test_the_one_whose_key_is_not_stored_is_next(bench: Harness, owner, turn, order):
    bench.hold(owner=owner, recorded=owner)
    assert bench.issue(RENEW, order[0], standby=order[1]).target == turn
    assert "stored-key" in bench.polytomic.live


@pytest.mark.parametrize("owner", [TARGET, OTHER])
@pytest.mark.parametrize("mode", [ENSURE, RENEW, renew(TUESDAY, timedelta(days=7))], ids=["ensure", "renew", "by age"])
def test_a_key_of_either_that_is_not_due_is_kept(bench: Harness, owner, mode):
    bench.hold(owner=owner, recorded=owner, issued_at=MONDAY)
    before = bench.store.snapshot()
    reference = bench.issue(mode, standby=OTHER)
    assert (reference.issued, reference.target, reference.issued_at) == (False, owner, MONDAY)
    assert (bench.polytomic.posts, bench.store.snapshot()) == ([], before)


@pytest.mark.parametrize("recorded", [TARGET, OTHER])
@pytest.mark.parametrize("gone", [False, True], ids=["dead", "removed"])
def test_where_the_stored_key_is_dead_or_gone_the_record_tells_whose_turn_it_is(bench: Harness, recorded, gone):
    bench.hold(owner=None, recorded=recorded)
    if gone:
        bench.store.put(None)
    reference = bench.issue(standby=OTHER)
    assert {reference.target, recorded} == {TARGET, OTHER}
    assert bench.polytomic.live[bench.store.value or ""] == reference.target


@pytest.mark.parametrize("standby", [None, OTHER])
def test_a_destination_of_a_third_user_is_left_alone_unless_it_changes_hands(bench: Harness, standby):
    bench.hold(owner=THIRD, recorded=THIRD)
    before = bench.store.snapshot()
    with raises(IssuanceRefusedError, "record_of_another_user"):
        bench.issue(standby=standby)
    assert (bench.polytomic.posts, bench.store.snapshot()) == ([], before)
    assert bench.issue(standby=standby, take_over=True).target == TARGET
    assert bench.polytomic.live["stored-key"] == THIRD, "whoever it belongs to keeps it"


@pytest.mark.parametrize(
    "held", [{"issued_at": None, "is_recognised": True}, {"issued_at": TUESDAY}], ids=["bare", "recorded"]
)
def test_a_working_key_of_a_third_user_stays(bench: Harness, held):
    bench.hold(owner=THIRD, **held)
    with raises(IssuanceRefusedError, "key_of_another_user"):
        bench.issue(standby=OTHER)
    assert (bench.polytomic.posts, bench.store.value) == ([], "stored-key")
    assert bench.issue(standby=OTHER, take_over=True).issued


@pytest.mark.parametrize(("owner", "turn"), [(TARGET, OTHER), (OTHER, TARGET)])
def test_a_key_without_a_record_is_replaced_by_the_others_when_the_user_says_so(bench: Harness, owner, turn):
    bench.hold(owner=owner, issued_at=None, is_recognised=True)
    with raises(IssuanceRefusedError, "age_unknown"):
        bench.issue(standby=OTHER)
    assert bench.issue(standby=OTHER, take_over=True).target == turn
    assert bench.polytomic.live["stored-key"] == owner


def test_a_key_of_the_standby_user_is_no_business_of_a_single_users(bench: Harness):
    bench.hold(owner=OTHER, recorded=OTHER)
    with raises(IssuanceRefusedError, "record_of_another_user"):
        bench.issue()
    assert bench.polytomic.posts == []


@pytest.mark.parametrize("time", [MONDAY, TUESDAY])
def test_a_reference_is_of_the_run_that_issued_it_or_of_an_earlier_try_of_it(bench: Harness, time):
    bench.hold(issued_at=A_WEEK_AGO)
    run, other = run_at(time), run_at(time, "of another DAG")
    kept = bench.issue(Rotate(run, timedelta(days=30)), standby=OTHER)
    assert (kept.issued, kept.is_of_run(run)) == (False, False)
    issued = bench.issue(Rotate(run, timedelta(0)), standby=OTHER)
    assert (issued.is_of_run(run), issued.is_of_run(other)) == (True, True), "by this very try"
    again = bench.issue(Rotate(run, timedelta(0)), standby=OTHER)
    assert (again.issued, again.is_of_run(run), again.is_of_run(other)) == (False, True, False)
    older = bench.issue(renew(A_WEEK_AGO), standby=OTHER)
    assert (older.issued, older.is_of_run(run_at(A_WEEK_AGO))) == (False, False), "an older run that was cleared"


def test_a_key_of_unknown_age_is_of_no_run(bench: Harness):
    bench.hold(issued_at=None, is_recognised=True)
    assert bench.issue(ENSURE).is_of_run(run_at(A_WEEK_AGO)) is False


def test_a_standby_user_who_is_gone_can_be_replaced(bench: Harness):
    bench.hold(issued_at=A_WEEK_AGO)
    bench.polytomic.order("create_api_key", PolytomicNotFoundError("no such user", status=404, is_from_polytomic=True))
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        bench.issue(standby=OTHER)
    assert (bench.store.value, bench.store.parsed.state, bench.store.parsed.target) == ("stored-key", "failed", OTHER)
    reference = bench.issue(standby=THIRD)
    assert (reference.target, reference.issued) == (THIRD, True)
    assert bench.polytomic.live == {"stored-key": TARGET, "minted-key-1": THIRD}


def test_nor_does_a_mistyped_standby_user_stop_a_rotation_for_one_user(bench: Harness):
    bench.hold(issued_at=A_WEEK_AGO)
    bench.polytomic.order("create_api_key", PolytomicNotFoundError("no such user", status=404, is_from_polytomic=True))
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        bench.issue(standby=OTHER)
    assert bench.issue().issued


def test_what_failed_for_somebody_else_vouches_for_no_other_value(bench: Harness):
    bench.hold(issued_at=A_WEEK_AGO)
    bench.polytomic.order("create_api_key", PolytomicNotFoundError("no such user", status=404, is_from_polytomic=True))
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        bench.issue(standby=OTHER)
    bench.store.put("put-there-by-hand")
    with raises(IssuanceRefusedError, "unknown_value"):
        bench.issue(standby=THIRD)
