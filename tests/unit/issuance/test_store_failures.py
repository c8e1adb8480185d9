"""What if the store fails, call by call? Before the POST nothing has happened; after it the record stays open."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._batch.failure_budget import root_cause_type
from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    PolytomicServerError,
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)
from tests.reasons import raises
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, TUESDAY, After, Harness

MODES = pytest.mark.parametrize("mode", [Ensure(), renew(MONDAY)], ids=["ensure", "renew"])
KINDS = pytest.mark.parametrize(
    "kind", [SecretStoreUnavailableError, SecretStoreDeniedError, SecretStoreConfigurationError]
)


@MODES
@KINDS
@pytest.mark.parametrize("call", ["read", "read_record", "check_write", "write_record"])
def test_before_the_post_the_stores_own_error_is_raised_and_nothing_was_asked(bench: Harness, mode, kind, call):
    error = kind("the store says no")
    bench.store.order(call, error)
    with pytest.raises(kind) as raised:
        bench.issue(mode)
    assert raised.value is error
    assert (bench.polytomic.posts, bench.store.value, bench.store.record) == ([], None, None)
    assert bench.issue(mode).issued


@MODES
def test_an_open_record_that_was_written_without_an_answer_is_joined_by_the_next_try(bench: Harness, mode):
    bench.store.order("write_record", After(SecretStoreUnavailableError("away")))
    with pytest.raises((SecretStoreUnavailableError, IssuanceIncompleteError)):
        bench.issue(mode)
    assert bench.polytomic.posts == []
    opened = bench.store.parsed
    assert bench.issue(mode).issuance_id == opened.issuance_id


@MODES
@KINDS
@pytest.mark.parametrize(
    ("call", "faults"),
    [("write", 5), ("read_back", 1), ("write_record", 2)],
    ids=["promote", "prove", "close"],
)
def test_after_the_post_the_try_is_incomplete_and_the_next_one_stores_the_same_key(bench, mode, kind, call, faults):
    error = kind("the store says no")
    passing = [None] if call == "write_record" else []
    bench.store.order(call, *passing, *[error] * (faults - len(passing)))
    with pytest.raises(IssuanceIncompleteError) as incomplete:
        bench.issue(mode)
    assert incomplete.value.reason == "store_failed"
    assert root_cause_type(incomplete.value) is kind, "what a fleet counts"
    assert bench.store.parsed.state == "open"
    bench.store._orders.clear()
    bench.issue(mode)
    assert (bench.polytomic.minted, bench.store.value, bench.store.parsed.state) == (1, "minted-key-1", "done")


@pytest.mark.parametrize("call", ["read", "read_record", "write_record"])
@KINDS
def test_a_store_that_fails_while_a_dead_key_is_looked_into_ends_an_incomplete_try(bench: Harness, kind, call):
    bench.polytomic.order("get_identity", lambda: bench.polytomic.live.clear())  # noqa: PLW0108 (a forced POST makes another dict)
    bench.store.order(call, None, kind("the store says no"))
    with raises(IssuanceIncompleteError, "store_failed"):
        bench.issue()
    assert bench.store.parsed.state == "open"
    assert bench.issue().issued
    assert bench.polytomic.minted == 2


@KINDS
def test_an_idempotency_key_is_not_used_before_the_record_says_so(bench: Harness, kind):
    recorded = PolytomicServerError("internal", status=500, key="internal", server_message="internal")
    bench.polytomic.order("create_api_key", recorded, recorded)
    bench.store.order("write_record", None, kind("the store says no"))
    with raises(IssuanceIncompleteError, "store_failed"):
        bench.issue()
    assert bench.polytomic.key_numbers == [0, 0]
    assert bench.store.parsed.idempotency_keys_used == 0


def test_a_reread_after_a_conflict_is_tried_again(bench: Harness):
    bench.store.order("write", lambda: bench.store.put("dead-already"))
    bench.store.order("read", None, SecretStoreUnavailableError("away"), SecretStoreUnavailableError("away"))
    assert bench.issue().issued
    assert bench.store.value == "minted-key-1"


@MODES
@pytest.mark.parametrize("call", ["read", "read_record", "check_write"])
def test_a_check_raises_what_issuing_would(bench: Harness, mode, call):
    error = SecretStoreDeniedError("the store says no")
    bench.store.order(call, error)
    with pytest.raises(SecretStoreDeniedError) as raised:
        bench.check(mode)
    assert raised.value is error


def test_a_store_that_breaks_while_a_forced_issuance_is_open_is_tried_again(bench: Harness) -> None:
    bench.hold("old-key", owner=None)
    bench.record(forced=True)
    bench.store.order("read", SecretStoreConfigurationError("somebody is editing the file"))
    with raises(IssuanceIncompleteError, "store_failed"):
        bench.issue(renew(TUESDAY))
    assert bench.issue(renew(TUESDAY)).issued


@MODES
def test_a_store_that_is_broken_before_anything_was_begun_is_said_as_it_is(bench: Harness, mode) -> None:
    bench.store.order("read", SecretStoreConfigurationError("no such file"))
    with pytest.raises(SecretStoreConfigurationError):
        bench.issue(mode)
    assert bench.polytomic.posts == []
