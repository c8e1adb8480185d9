"""Which stored value is kept, which is replaced, which is left alone? Look and keep, as a table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConnectionError,
    PolytomicForbiddenError,
)
from tests.reasons import raises
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, OTHER, OWN, TARGET, TUESDAY, Harness, fingerprint

ENSURE, RENEW = Ensure(), renew(MONDAY)
A_WEEK_AGO = MONDAY - timedelta(days=7)

WORKS = {"owner": TARGET}
DEAD = {"owner": None}
OTHERS = {"owner": OTHER}
NO_RECORD = {"issued_at": None}
OURS = {"issued_at": None, "is_recognised": True}
FOREIGN = {"owner": None, "issued_at": None, "is_foreign": True}


@pytest.mark.parametrize(
    ("mode", "held", "take_over", "ends"),
    [
        (ENSURE, None, False, "issued"),
        (ENSURE, WORKS, False, "kept"),
        (ENSURE, WORKS, True, "kept"),
        (ENSURE, DEAD, False, "issued"),
        (ENSURE, WORKS | OURS, False, "kept"),
        (ENSURE, DEAD | OURS, False, "dead_without_record"),
        (ENSURE, DEAD | OURS, True, "issued"),
        (ENSURE, WORKS | NO_RECORD, False, "unknown_value"),
        (ENSURE, WORKS | NO_RECORD, True, "kept"),
        (ENSURE, DEAD | NO_RECORD, True, "issued"),
        (ENSURE, OTHERS | OURS, False, "key_of_another_user"),
        (ENSURE, OTHERS, False, "key_of_another_user"),
        (ENSURE, OTHERS | OURS, True, "issued"),
        (RENEW, None, False, "issued"),
        (RENEW, WORKS, False, "issued"),
        (RENEW, DEAD, False, "issued"),
        (RENEW, WORKS | {"issued_at": MONDAY}, False, "kept"),
        (RENEW, WORKS | {"issued_at": MONDAY - timedelta(seconds=1)}, False, "issued"),
        (RENEW, DEAD | {"issued_at": TUESDAY}, False, "issued"),
        (RENEW, OTHERS | {"issued_at": TUESDAY}, False, "key_of_another_user"),
        (renew(MONDAY, timedelta(days=7, seconds=1)), WORKS, False, "kept"),
        (renew(MONDAY, timedelta(days=7)), WORKS, False, "issued"),
        (RENEW, WORKS | OURS, False, "age_unknown"),
        (RENEW, WORKS | OURS, True, "issued"),
        (RENEW, DEAD | OURS, False, "dead_without_record"),
        (RENEW, WORKS | NO_RECORD, False, "unknown_value"),
        (RENEW, WORKS | NO_RECORD, True, "issued"),
        (ENSURE, FOREIGN, False, "foreign_value"),
        (ENSURE, FOREIGN, True, "issued"),
        (RENEW, FOREIGN, False, "foreign_value"),
        (RENEW, FOREIGN, True, "issued"),
    ],
)
def test_what_becomes_of_a_stored_key(bench: Harness, mode, held, take_over, ends):
    if held is not None:
        bench.hold(**held)
    before = bench.store.snapshot()
    if ends in {"issued", "kept"}:
        reference = bench.issue(mode, take_over=take_over)
        assert reference.issued is (ends == "issued")
        assert reference.fingerprint == fingerprint(bench.store.value or "")
        assert bench.polytomic.live[bench.store.value or ""] == TARGET
        assert len(bench.polytomic.posts) == (ends == "issued")
        if ends == "kept":
            assert bench.store.snapshot() == before
        return
    with raises(IssuanceRefusedError, ends):
        bench.issue(mode, take_over=take_over)
    assert bench.store.snapshot() == before
    assert bench.polytomic.posts == []
    assert bench.polytomic.asked_about == [] or ends not in {"foreign_value", "unknown_value"}, "it was sent"


@pytest.mark.parametrize("mode", [ENSURE, RENEW])
@pytest.mark.parametrize("take_over", [False, True])
@pytest.mark.parametrize("issued_at", [None, A_WEEK_AGO])
def test_the_callers_own_key_is_never_replaced(bench: Harness, mode, take_over, issued_at):
    bench.hold(OWN, is_recognised=True, issued_at=issued_at)
    with raises(IssuanceRefusedError, "callers_own_key"):
        bench.issue(mode, take_over=take_over)
    assert bench.polytomic.posts == []
    assert bench.store.value == OWN


@pytest.mark.parametrize("mode", [ENSURE, RENEW])
def test_what_failed_for_another_target_keeps_nobody_from_an_empty_destination(bench: Harness, mode):
    bench.record("failed", target=OTHER)
    assert bench.issue(mode).issued
    assert bench.store.parsed.target == TARGET


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("mode", [ENSURE, RENEW])
def test_a_key_of_another_target_stays_also_when_its_last_issuance_failed(bench: Harness, mode, ours):
    bench.hold(owner=OTHER, issued_at=None, is_recognised=ours)
    bench.record("failed", target=OTHER)
    before = bench.store.snapshot()
    with raises(IssuanceRefusedError, "key_of_another_user"):
        bench.issue(mode)
    assert (bench.polytomic.posts, bench.store.snapshot()) == ([], before)


@pytest.mark.parametrize("state", ["open", "done"])
@pytest.mark.parametrize("mode", [ENSURE, RENEW])
def test_the_destination_of_another_target_is_left_alone_unless_it_changes_hands(bench: Harness, mode, state):
    bench.hold(owner=OTHER)
    held = {"fingerprint": fingerprint("stored-key"), "issued_at": A_WEEK_AGO} if state == "done" else {}
    bench.record(state, target=OTHER, **held)
    before = bench.store.snapshot()
    with raises(IssuanceRefusedError, "record_of_another_user"):
        bench.issue(mode)
    assert (bench.polytomic.posts, bench.polytomic.asked_about, bench.store.snapshot()) == ([], [], before)
    assert bench.issue(mode, take_over=True).issued
    assert bench.store.parsed.target == TARGET


@pytest.mark.parametrize(("mode", "issued"), [(ENSURE, False), (RENEW, True)])
def test_a_record_that_is_of_another_value_tells_no_age(bench: Harness, mode, issued):
    bench.hold("stored-before", owner=None, issued_at=TUESDAY)
    bench.hold("put-by-hand", issued_at=None, is_recognised=True)
    reference = bench.issue(mode)
    assert reference.issued is issued
    assert issued or reference.issued_at is None


def test_a_done_record_that_does_not_fit_is_looked_at_once_more(bench: Harness):
    bench.hold("old-key", owner=None)
    old = bench.store.record
    bench.hold("new-key", issued_at=TUESDAY)
    new, bench.store.record = bench.store.record, old

    def close() -> None:
        bench.store.record = new

    bench.store.order("read", None, close)
    assert bench.issue().issued is False
    assert bench.calls.count("read") == 2
    assert bench.issue().issued is False
    assert bench.calls.count("read") == 3, "one that fits is looked at once"


def test_a_key_that_is_due_is_not_even_asked_about(bench: Harness):
    bench.hold()
    bench.issue()
    assert "stored-key" not in bench.polytomic.asked_about


@pytest.mark.parametrize("error", [PolytomicConnectionError("lost"), PolytomicForbiddenError("a proxy's", status=403)])
@pytest.mark.parametrize(("mode", "issued_at"), [(ENSURE, A_WEEK_AGO), (RENEW, TUESDAY)])
def test_no_answer_about_a_stored_key_is_not_dead(bench: Harness, mode, issued_at, error):
    bench.hold(issued_at=issued_at)
    before = bench.store.snapshot()
    bench.polytomic.order("get_identity", error)
    with raises(IssuanceIncompleteError, "key_state_unknown"):
        bench.issue(mode)
    assert bench.polytomic.posts == []
    assert bench.store.snapshot() == before
    assert bench.issue(mode).issued is False


def test_an_unforced_issuer_that_died_after_it_promoted_is_closed_by_the_next(bench: Harness):
    record = bench.record(forced=False)
    bench.hold("minted-before", issued_at=None)
    reference = bench.issue(ENSURE)
    assert (reference.issued, reference.issuance_id) == (False, record.issuance_id)
    assert bench.store.parsed.state == "done"
    assert bench.store.parsed.fingerprint == fingerprint("minted-before")
    assert reference.issued_at == record.opened_at
    assert bench.polytomic.posts == []


@pytest.mark.parametrize("mode", [ENSURE, RENEW])
def test_what_somebody_put_in_the_place_of_a_finished_issuances_key_is_not_sent(bench: Harness, mode):
    bench.hold("stored-before", owner=None)
    bench.hold("put-by-hand", issued_at=None)
    with raises(IssuanceRefusedError, "unknown_value"):
        bench.issue(mode)
    assert bench.polytomic.asked_about == []
    assert bench.store.value == "put-by-hand"


@pytest.mark.parametrize("mode", [ENSURE, renew(MONDAY - timedelta(days=30))])
def test_a_key_that_is_kept_is_the_one_that_readers_get(bench: Harness, mode):
    bench.hold()
    bench.store.readers_get.extend(["of-the-environment"] * 5)
    with raises(IssuanceRefusedError, "shadowed"):
        bench.issue(mode)
    assert bench.polytomic.posts == []
    assert bench.issue(mode).issued is False
