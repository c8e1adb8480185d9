"""The record beside a destination: what is damaged, and what another version of this package has written."""

from __future__ import annotations

from contextlib import suppress

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConnectionError,
    PolytomicRejectedError,
    SecretStoreConfigurationError,
)
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.tags import encode_record
from airflow_provider_polytomic.secret_stores.base import RECORD_FIELDS
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, OTHER, Harness

ENSURE, ROTATE = Ensure(), renew(MONDAY)
DAMAGED = "record_damaged"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"state": "half-done"}, DAMAGED),
        ({"forced": "yes"}, DAMAGED),
        ({"idempotency_keys_used": "-1"}, DAMAGED),
        ({"idempotency_keys_used": "many"}, DAMAGED),
        ({"opened_at": "2031-01-06T00:00:00"}, DAMAGED),  # without a zone
        ({"opened_at": "monday"}, DAMAGED),
        ({"org_id": "acme"}, DAMAGED),
        ({"user_id": None}, DAMAGED),
        ({"issuance_id": None}, DAMAGED),
        ({"previous_fingerprint": None}, DAMAGED),
        ({"state": "done"}, DAMAGED),  # without fingerprint and issued_at
        ({"state": "done", "fingerprint": "0" * 32, "issued_at": "2031-01-06T00:00:00"}, DAMAGED),
        ({"version": None}, DAMAGED),
        ({"version": "0"}, DAMAGED),
        ({"version": "one"}, DAMAGED),
        ({"dag_run_id": "manual__1", "dag_run_time": "2031-01-06T00:00:00+00:00"}, DAMAGED),
        ({"dag_run_time": "2031-01-06T00:00:00+00:00"}, DAMAGED),
        ({"Later": "field"}, DAMAGED),
        ({"later": "x" * 81}, DAMAGED),
        ({"later": "two\nlines"}, DAMAGED),
        ({"later_than_can_be_told": "x"}, DAMAGED),
        ({f"later_{number}": "x" for number in range(6)}, DAMAGED),
        ({"version": "2"}, "record_of_later_version"),
        ({"version": "2", "state": "sealed", "idempotency_keys_used": "one"}, "record_of_later_version"),
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", [ENSURE, ROTATE])
def test_a_damaged_record_stops_everything_and_says_what_to_do(harness: Harness, mode, damage, reason):
    harness.hold()
    whole = harness.record().to_mapping() | damage
    harness.store.record = {name: value for name, value in whole.items() if value is not None}
    before = harness.store.snapshot()
    for act in (harness.issue, harness.check):
        with pytest.raises(SecretStoreConfigurationError) as damaged:
            act(mode, take_over=True)
        assert damaged.value.reason == reason
    assert (harness.polytomic.posts, harness.store.snapshot()) == ([], before)


LATER = {"written_by": "airflow-provider-polytomic 9", "z": "~" * 80}


@pytest.mark.parametrize("state", ["open", "failed", "done"])
@pytest.mark.parametrize(
    "fault",
    [None, PolytomicConnectionError("lost"), PolytomicRejectedError("no", status=422, is_from_polytomic=True)],
    ids=str,
)
def test_what_a_later_version_has_added_to_a_record_survives_each_rewrite(harness: Harness, state, fault):
    harness.hold()
    if state != "done":
        harness.record(state)
    assert harness.store.record
    harness.store.record |= LATER
    harness.polytomic.order("create_api_key", fault, fault)
    for _ in range(2):
        with suppress(IssuanceIncompleteError, IssuanceRefusedError):
            harness.issue()
        assert LATER.items() <= harness.store.record.items()


def test_what_a_later_version_has_added_is_not_taken_over(harness: Harness):
    harness.hold(owner=OTHER, recorded=OTHER)
    assert harness.store.record
    harness.store.record |= LATER
    assert harness.issue(take_over=True).issued
    assert not LATER.keys() & harness.store.record.keys()


def test_a_record_with_all_that_may_be_added_has_room_in_the_tags_of_a_secret():
    fields = dict.fromkeys(RECORD_FIELDS, "x") | {f"{'x' * 17}{number}": "%" * 80 for number in range(5)}
    assert len(encode_record(fields)) <= 25
    assert max(len(tag["Value"]) for tag in encode_record(fields)) <= 256
