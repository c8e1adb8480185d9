"""Which issuance does a try work on? Every issuer that sees one state derives the same; an open one is joined."""

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

ENSURE, RENEW = Ensure(), renew(MONDAY)


def posted(mode=RENEW, *, target=TARGET, identity="memory:acme", place="memory:acme", held=None) -> str:
    bench = Harness()
    bench.store = Store(bench.calls, identity)
    bench.store.place = place
    if held:
        bench.hold(held, owner=None, issued_at=None)
    bench.issue(mode, target, take_over=True)
    return bench.polytomic.posts[0][0]


def test_issuers_that_see_the_same_state_send_the_same_idempotency_key():
    assert posted() == posted() == posted(renew(TUESDAY)) == posted(place="as a later version says it")
    issuance_id, _, spent = posted().rpartition("-")
    assert uuid.UUID(issuance_id).version == 5
    assert spent == "0"


@pytest.mark.parametrize(
    "other", [{"mode": ENSURE}, {"target": OTHER}, {"identity": "memory:other"}, {"held": "a-dead-key"}], ids=str
)
def test_another_state_is_another_issuance(other):
    assert posted(**other) != posted()


def test_the_record_is_written_before_the_post_and_says_what_was_there(bench: Harness):
    bench.hold("old-key")
    bench.polytomic.order("create_api_key", PolytomicConnectionError("lost"))
    with pytest.raises(IssuanceIncompleteError):
        bench.issue()
    record = bench.store.parsed
    assert (record.state, record.forced, record.idempotency_keys_used, record.target) == ("open", True, 0, TARGET)
    assert (record.previous_fingerprint, record.opened_at) == (fingerprint("old-key"), bench.time.now)
    assert bench.calls[-3:] == ["check_write", "write_record", "create_api_key"]


@pytest.mark.parametrize("mode", [ENSURE, RENEW])
@pytest.mark.parametrize("spent", [0, 2])
def test_an_open_record_is_joined_under_its_own_idempotency_key(bench: Harness, mode, spent):
    opened = bench.record(forced=mode is RENEW, idempotency_keys_used=spent)
    bench.time.pass_(hours=3)
    reference = bench.issue(mode)
    assert bench.polytomic.posts == [(f"{opened.issuance_id}-{spent}", mode is RENEW)]
    assert reference.issuance_id == opened.issuance_id
    assert (bench.store.parsed.opened_at, bench.store.parsed.idempotency_keys_used) == (opened.opened_at, spent + 1)


@pytest.mark.parametrize("state", ["failed", "done"])
def test_the_same_state_again_uses_no_idempotency_key_twice(bench: Harness, state):
    bench.issue()
    first, settled = bench.polytomic.posts[0][0], bench.store.parsed
    bench.polytomic.live.clear()
    bench.store.put(None)  # somebody deletes the secret: what is there is as it was before the first issuance
    done = {"fingerprint": settled.fingerprint, "issued_at": settled.issued_at} if state == "done" else {}
    bench.record(state, issuance_id=settled.issuance_id, idempotency_keys_used=1, **done)
    bench.issue(renew(TUESDAY))
    assert bench.polytomic.posts[1][0] == f"{first[:-2]}-1"
    assert bench.polytomic.minted == 2


def test_an_unforced_issuer_waits_for_an_open_forced_one(bench: Harness):
    opened = bench.record(forced=True)
    with raises(IssuanceIncompleteError, "forced_issuance_open"):
        bench.issue(ENSURE)
    assert bench.polytomic.posts == []
    assert bench.store.parsed == opened


def test_an_unforced_issuer_keeps_a_working_key_whatever_is_open(bench: Harness):
    bench.hold(issued_at=None)
    opened = bench.record(forced=True)
    assert bench.issue(ENSURE).issued is False
    assert bench.store.parsed == opened


def test_a_forced_issuer_does_not_join_an_unforced_issuance(bench: Harness):
    opened = bench.record(forced=False)
    reference = bench.issue()
    assert reference.issued
    assert reference.issuance_id != opened.issuance_id
    assert bench.store.parsed.forced


@pytest.mark.parametrize(
    ("age", "warned"),
    [(timedelta(hours=24), False), (timedelta(hours=24, seconds=1), True), (timedelta(days=9), True)],
)
def test_a_record_open_for_more_than_a_day_is_warned_of(bench: Harness, caplog, age, warned):
    opened = bench.record(opened_at=bench.time.now - age)
    with caplog.at_level(logging.WARNING):
        assert bench.issue().issued
    assert (f"has been open since {opened.opened_at.isoformat()}" in caplog.text) is warned
    assert not warned or (TARGET.user_id in caplog.text and bench.store.place in caplog.text)


@pytest.mark.parametrize("first", [PolytomicConnectionError("lost"), None], ids=["joined", "closed"])
def test_an_older_run_that_comes_late_keeps_what_a_newer_one_issued(bench: Harness, first):
    bench.time.pass_(days=1)
    bench.polytomic.order("create_api_key", first)
    if first:
        with pytest.raises(IssuanceIncompleteError):
            bench.issue(renew(TUESDAY))
    else:
        bench.issue(renew(TUESDAY))
    assert bench.issue(renew(MONDAY)).issued is (first is not None)
    assert bench.issue(renew(TUESDAY)).issued is False
    assert bench.polytomic.minted == 1
