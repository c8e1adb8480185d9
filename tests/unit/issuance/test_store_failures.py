"""Failures of the store, call by call: before the POST nothing has happened; after it the record stays open."""

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
def test_before_the_post_the_stores_own_error_is_raised_and_nothing_was_asked(harness: Harness, mode, kind, call):
    error = kind("the store says no")
    harness.store.order(call, error)
    with pytest.raises(kind) as raised:
        harness.issue(mode)
    assert raised.value is error
    assert (harness.polytomic.posts, harness.store.value, harness.store.record) == ([], None, None)
    assert harness.issue(mode).issued


@MODES
def test_an_open_record_that_was_written_without_an_answer_is_joined_by_the_next_try(harness: Harness, mode):
    harness.store.order("write_record", After(SecretStoreUnavailableError("away")))
    with pytest.raises((SecretStoreUnavailableError, IssuanceIncompleteError)):
        harness.issue(mode)
    assert harness.polytomic.posts == []
    opened = harness.store.parsed
    assert harness.issue(mode).issuance_id == opened.issuance_id


@MODES
@KINDS
@pytest.mark.parametrize(
    ("call", "faults"),
    [("write", 5), ("read_back", 1), ("write_record", 2)],
    ids=["promote", "confirm", "close"],
)
def test_after_the_post_the_try_is_incomplete_and_the_next_one_stores_the_same_key(harness, mode, kind, call, faults):
    error = kind("the store says no")
    passing = [None] if call == "write_record" else []
    harness.store.order(call, *passing, *[error] * (faults - len(passing)))
    with pytest.raises(IssuanceIncompleteError) as incomplete:
        harness.issue(mode)
    assert incomplete.value.reason == "store_failed"
    assert root_cause_type(incomplete.value) is kind, "what a batch counts"
    assert harness.store.parsed.state == "open"
    harness.store._orders.clear()
    harness.issue(mode)
    assert (harness.polytomic.minted, harness.store.value, harness.store.parsed.state) == (1, "minted-key-1", "done")


@pytest.mark.parametrize("call", ["read", "read_record", "write_record"])
@KINDS
def test_a_store_that_fails_after_a_revoked_key_ends_an_incomplete_try(harness: Harness, kind, call):
    harness.polytomic.order("get_identity", lambda: harness.polytomic.live.clear())  # noqa: PLW0108 (a forced POST makes another dict)
    harness.store.order(call, None, kind("the store says no"))
    with raises(IssuanceIncompleteError, "store_failed"):
        harness.issue()
    assert harness.store.parsed.state == "open"
    assert harness.issue().issued
    assert harness.polytomic.minted == 2


@KINDS
def test_an_idempotency_key_is_not_used_before_the_record_says_so(harness: Harness, kind):
    recorded = PolytomicServerError("internal", status=500, key="internal", server_message="internal")
    harness.polytomic.order("create_api_key", recorded, recorded)
    harness.store.order("write_record", None, kind("the store says no"))
    with raises(IssuanceIncompleteError, "store_failed"):
        harness.issue()
    assert harness.polytomic.key_numbers == [0, 0]
    assert harness.store.parsed.idempotency_keys_used == 0


def test_a_reread_after_a_conflict_is_tried_again(harness: Harness):
    harness.store.order("write", lambda: harness.store.put("revoked-already"))
    harness.store.order("read", None, SecretStoreUnavailableError("away"), SecretStoreUnavailableError("away"))
    assert harness.issue().issued
    assert harness.store.value == "minted-key-1"


@MODES
@pytest.mark.parametrize("call", ["read", "read_record", "check_write"])
def test_a_check_raises_what_issuing_would(harness: Harness, mode, call):
    error = SecretStoreDeniedError("the store says no")
    harness.store.order(call, error)
    with pytest.raises(SecretStoreDeniedError) as raised:
        harness.check(mode)
    assert raised.value is error


def test_a_store_that_breaks_while_a_forced_issuance_is_open_is_tried_again(harness: Harness) -> None:
    harness.hold("old-key", owner=None)
    harness.record(forced=True)
    harness.store.order("read", SecretStoreConfigurationError("the file is being edited"))
    with raises(IssuanceIncompleteError, "store_failed"):
        harness.issue(renew(TUESDAY))
    assert harness.issue(renew(TUESDAY)).issued


@MODES
def test_a_store_that_is_broken_before_anything_was_begun_is_said_as_it_is(harness: Harness, mode) -> None:
    harness.store.order("read", SecretStoreConfigurationError("no such file"))
    with pytest.raises(SecretStoreConfigurationError):
        harness.issue(mode)
    assert harness.polytomic.posts == []
