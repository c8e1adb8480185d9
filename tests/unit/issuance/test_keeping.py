"""Decisions about a stored value, as a table: it is kept, replaced or left alone."""

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

ENSURE, ROTATE = Ensure(), renew(MONDAY)
A_WEEK_AGO = MONDAY - timedelta(days=7)

WORKS = {"owner": TARGET}
DEAD = {"owner": None}
OTHERS = {"owner": OTHER}
NO_RECORD = {"issued_at": None}
OURS = {"issued_at": None, "is_recognised": True}
FOREIGN = {"owner": None, "issued_at": None, "is_foreign": True}


@pytest.mark.parametrize(
    ("mode", "stored", "take_over", "ends"),
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
        (ROTATE, None, False, "issued"),
        (ROTATE, WORKS, False, "issued"),
        (ROTATE, DEAD, False, "issued"),
        (ROTATE, WORKS | {"issued_at": MONDAY}, False, "kept"),
        (ROTATE, WORKS | {"issued_at": MONDAY - timedelta(seconds=1)}, False, "issued"),
        (ROTATE, DEAD | {"issued_at": TUESDAY}, False, "issued"),
        (ROTATE, OTHERS | {"issued_at": TUESDAY}, False, "key_of_another_user"),
        (renew(MONDAY, timedelta(days=7, seconds=1)), WORKS, False, "kept"),
        (renew(MONDAY, timedelta(days=7)), WORKS, False, "issued"),
        (ROTATE, WORKS | OURS, False, "age_unknown"),
        (ROTATE, WORKS | OURS, True, "issued"),
        (ROTATE, DEAD | OURS, False, "dead_without_record"),
        (ROTATE, WORKS | NO_RECORD, False, "unknown_value"),
        (ROTATE, WORKS | NO_RECORD, True, "issued"),
        (ENSURE, FOREIGN, False, "foreign_value"),
        (ENSURE, FOREIGN, True, "issued"),
        (ROTATE, FOREIGN, False, "foreign_value"),
        (ROTATE, FOREIGN, True, "issued"),
    ],
)
def test_a_stored_key_is_kept_replaced_or_left_alone(harness: Harness, mode, stored, take_over, ends):
    if stored is not None:
        harness.hold(**stored)
    before = harness.store.snapshot()
    if ends in {"issued", "kept"}:
        reference = harness.issue(mode, take_over=take_over)
        assert reference.issued is (ends == "issued")
        assert reference.fingerprint == fingerprint(harness.store.value or "")
        assert harness.polytomic.live[harness.store.value or ""] == TARGET
        assert len(harness.polytomic.posts) == (ends == "issued")
        if ends == "kept":
            assert harness.store.snapshot() == before
        return
    with raises(IssuanceRefusedError, ends):
        harness.issue(mode, take_over=take_over)
    assert harness.store.snapshot() == before
    assert harness.polytomic.posts == []
    assert harness.polytomic.asked_about == [] or ends not in {"foreign_value", "unknown_value"}, "it was sent"


@pytest.mark.parametrize("mode", [ENSURE, ROTATE])
@pytest.mark.parametrize("take_over", [False, True])
@pytest.mark.parametrize("issued_at", [None, A_WEEK_AGO])
def test_the_callers_own_key_is_never_replaced(harness: Harness, mode, take_over, issued_at):
    harness.hold(OWN, is_recognised=True, issued_at=issued_at)
    with raises(IssuanceRefusedError, "callers_own_key"):
        harness.issue(mode, take_over=take_over)
    assert harness.polytomic.posts == []
    assert harness.store.value == OWN


@pytest.mark.parametrize("mode", [ENSURE, ROTATE])
def test_what_failed_for_another_target_keeps_nobody_from_an_empty_destination(harness: Harness, mode):
    harness.record("failed", target=OTHER)
    assert harness.issue(mode).issued
    assert harness.store.parsed.target == TARGET


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("mode", [ENSURE, ROTATE])
def test_a_key_of_another_target_stays_also_when_its_last_issuance_failed(harness: Harness, mode, ours):
    harness.hold(owner=OTHER, issued_at=None, is_recognised=ours)
    harness.record("failed", target=OTHER)
    before = harness.store.snapshot()
    with raises(IssuanceRefusedError, "key_of_another_user"):
        harness.issue(mode)
    assert (harness.polytomic.posts, harness.store.snapshot()) == ([], before)


@pytest.mark.parametrize("state", ["open", "done"])
@pytest.mark.parametrize("mode", [ENSURE, ROTATE])
def test_the_destination_of_another_target_is_left_alone_unless_it_changes_hands(harness: Harness, mode, state):
    harness.hold(owner=OTHER)
    stored = {"fingerprint": fingerprint("stored-key"), "issued_at": A_WEEK_AGO} if state == "done" else {}
    harness.record(state, target=OTHER, **stored)
    before = harness.store.snapshot()
    with raises(IssuanceRefusedError, "record_of_another_user"):
        harness.issue(mode)
    assert (harness.polytomic.posts, harness.polytomic.asked_about, harness.store.snapshot()) == ([], [], before)
    assert harness.issue(mode, take_over=True).issued
    assert harness.store.parsed.target == TARGET


@pytest.mark.parametrize(("mode", "issued"), [(ENSURE, False), (ROTATE, True)])
def test_a_record_that_is_of_another_value_tells_no_age(harness: Harness, mode, issued):
    harness.hold("stored-before", owner=None, issued_at=TUESDAY)
    harness.hold("put-by-hand", issued_at=None, is_recognised=True)
    reference = harness.issue(mode)
    assert reference.issued is issued
    assert issued or reference.issued_at is None


def test_a_done_record_that_does_not_match_is_read_once_more(harness: Harness):
    harness.hold("old-key", owner=None)
    old = harness.store.record
    harness.hold("new-key", issued_at=TUESDAY)
    new, harness.store.record = harness.store.record, old

    def close() -> None:
        harness.store.record = new

    harness.store.order("read", None, close)
    assert harness.issue().issued is False
    assert harness.calls.count("read") == 2
    assert harness.issue().issued is False
    assert harness.calls.count("read") == 3, "a record that matches is read once"


def test_a_key_that_is_due_is_not_even_asked_about(harness: Harness):
    harness.hold()
    harness.issue()
    assert "stored-key" not in harness.polytomic.asked_about


@pytest.mark.parametrize("error", [PolytomicConnectionError("lost"), PolytomicForbiddenError("a proxy's", status=403)])
@pytest.mark.parametrize(("mode", "issued_at"), [(ENSURE, A_WEEK_AGO), (ROTATE, TUESDAY)])
def test_no_response_about_a_stored_key_does_not_mean_revoked(harness: Harness, mode, issued_at, error):
    harness.hold(issued_at=issued_at)
    before = harness.store.snapshot()
    harness.polytomic.order("get_identity", error)
    with raises(IssuanceIncompleteError, "key_state_unknown") as caught:
        harness.issue(mode)
    # Nothing was started, so the message alarms no reader of a key that may well work.
    assert "requested no key and changed nothing" in str(caught.value)
    assert "revoked" not in str(caught.value)
    assert harness.polytomic.posts == []
    assert harness.store.snapshot() == before
    assert harness.issue(mode).issued is False


def test_an_unforced_issuer_that_died_after_it_promoted_is_closed_by_the_next(harness: Harness):
    record = harness.record(forced=False)
    harness.hold("minted-before", issued_at=None)
    reference = harness.issue(ENSURE)
    assert (reference.issued, reference.issuance_id) == (False, record.issuance_id)
    assert harness.store.parsed.state == "done"
    assert harness.store.parsed.fingerprint == fingerprint("minted-before")
    assert reference.issued_at == record.opened_at
    assert harness.polytomic.posts == []


@pytest.mark.parametrize("mode", [ENSURE, ROTATE])
def test_a_value_that_replaced_the_key_of_a_completed_issuance_is_not_sent(harness: Harness, mode):
    harness.hold("stored-before", owner=None)
    harness.hold("put-by-hand", issued_at=None)
    with raises(IssuanceRefusedError, "unknown_value"):
        harness.issue(mode)
    assert harness.polytomic.asked_about == []
    assert harness.store.value == "put-by-hand"


@pytest.mark.parametrize("mode", [ENSURE, renew(MONDAY - timedelta(days=30))])
def test_a_key_that_is_kept_is_the_one_that_readers_get(harness: Harness, mode):
    harness.hold()
    harness.store.readers_get.extend(["of-the-environment"] * 5)
    with raises(IssuanceRefusedError, "shadowed"):
        harness.issue(mode)
    assert harness.polytomic.posts == []
    assert harness.issue(mode).issued is False
