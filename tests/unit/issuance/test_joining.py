"""Derivation of an issuance: every issuer that sees one state derives the same; an open one is joined."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError, PolytomicConnectionError
from tests.reasons import raises
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, OTHER, TARGET, TUESDAY, Harness, Store, fingerprint

ENSURE, ROTATE = Ensure(), renew(MONDAY)


def posted(mode=ROTATE, *, target=TARGET, identity="memory:acme", place="memory:acme", stored=None) -> str:
    harness = Harness()
    harness.store = Store(harness.calls, identity)
    harness.store.place = place
    if stored:
        harness.hold(stored, owner=None, issued_at=None)
    harness.issue(mode, target, take_over=True)
    return harness.polytomic.posts[0][0]


def test_issuers_that_see_the_same_state_send_the_same_idempotency_key():
    assert posted() == posted() == posted(renew(TUESDAY)) == posted(place="as a later version says it")
    issuance_id, _, spent = posted().rpartition("-")
    assert uuid.UUID(issuance_id).version == 5
    assert spent == "0"


@pytest.mark.parametrize(
    "other", [{"mode": ENSURE}, {"target": OTHER}, {"identity": "memory:other"}, {"stored": "a-revoked-key"}], ids=str
)
def test_another_state_is_another_issuance(other):
    assert posted(**other) != posted()


def test_the_record_is_written_before_the_post_and_says_what_was_there(harness: Harness):
    harness.hold("old-key")
    harness.polytomic.order("create_api_key", PolytomicConnectionError("lost"))
    with pytest.raises(IssuanceIncompleteError):
        harness.issue()
    record = harness.store.parsed
    assert (record.state, record.forced, record.idempotency_keys_used, record.target) == ("open", True, 0, TARGET)
    assert (record.previous_fingerprint, record.opened_at) == (fingerprint("old-key"), harness.time.now)
    assert harness.calls[-3:] == ["check_write", "write_record", "create_api_key"]


@pytest.mark.parametrize("mode", [ENSURE, ROTATE])
@pytest.mark.parametrize("spent", [0, 2])
def test_an_open_record_is_joined_under_its_own_idempotency_key(harness: Harness, mode, spent):
    opened = harness.record(forced=mode is ROTATE, idempotency_keys_used=spent)
    harness.time.pass_(hours=3)
    reference = harness.issue(mode)
    assert harness.polytomic.posts == [(f"{opened.issuance_id}-{spent}", mode is ROTATE)]
    assert reference.issuance_id == opened.issuance_id
    assert (harness.store.parsed.opened_at, harness.store.parsed.idempotency_keys_used) == (opened.opened_at, spent + 1)


@pytest.mark.parametrize("state", ["failed", "done"])
def test_the_same_state_again_uses_no_idempotency_key_twice(harness: Harness, state):
    harness.issue()
    first, settled = harness.polytomic.posts[0][0], harness.store.parsed
    harness.polytomic.live.clear()
    harness.store.put(None)  # another process deletes the secret: the state is as before the first issuance
    done = {"fingerprint": settled.fingerprint, "issued_at": settled.issued_at} if state == "done" else {}
    harness.record(state, issuance_id=settled.issuance_id, idempotency_keys_used=1, **done)
    harness.issue(renew(TUESDAY))
    assert harness.polytomic.posts[1][0] == f"{first[:-2]}-1"
    assert harness.polytomic.minted == 2


def test_an_unforced_issuer_waits_for_an_open_forced_one(harness: Harness):
    opened = harness.record(forced=True)
    with raises(IssuanceIncompleteError, "forced_issuance_open"):
        harness.issue(ENSURE)
    assert harness.polytomic.posts == []
    assert harness.store.parsed == opened


def test_an_unforced_issuer_keeps_a_working_key_whatever_is_open(harness: Harness):
    harness.hold(issued_at=None)
    opened = harness.record(forced=True)
    assert harness.issue(ENSURE).issued is False
    assert harness.store.parsed == opened


def test_a_forced_issuer_does_not_join_an_unforced_issuance(harness: Harness):
    opened = harness.record(forced=False)
    reference = harness.issue()
    assert reference.issued
    assert reference.issuance_id != opened.issuance_id
    assert harness.store.parsed.forced


@pytest.mark.parametrize(
    ("age", "warned"),
    [(timedelta(hours=24), False), (timedelta(hours=24, seconds=1), True), (timedelta(days=9), True)],
)
def test_a_record_open_for_more_than_a_day_is_warned_of(harness: Harness, caplog, age, warned):
    opened = harness.record(opened_at=harness.time.now - age)
    with caplog.at_level(logging.WARNING):
        assert harness.issue().issued
    assert (f"Open since {opened.opened_at.isoformat()}" in caplog.text) is warned
    assert not warned or (TARGET.user_id in caplog.text and harness.store.place in caplog.text)


@pytest.mark.parametrize("first", [PolytomicConnectionError("lost"), None], ids=["joined", "closed"])
def test_an_older_run_that_comes_late_keeps_what_a_newer_one_issued(harness: Harness, first):
    harness.time.pass_(days=1)
    harness.polytomic.order("create_api_key", first)
    if first:
        with pytest.raises(IssuanceIncompleteError):
            harness.issue(renew(TUESDAY))
    else:
        harness.issue(renew(TUESDAY))
    assert harness.issue(renew(MONDAY)).issued is (first is not None)
    assert harness.issue(renew(TUESDAY)).issued is False
    assert harness.polytomic.minted == 1
