"""Failures that stop a rotation, and those that do not."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._batch.failure_budget import FailureBudget, root_cause_type
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)


def caused(error: Exception, cause: Exception) -> Exception:
    try:
        raise error from cause
    except PolytomicError as raised:
        return raised


FORBIDDEN = caused(IssuanceRefusedError("refused"), PolytomicForbiddenError("no", status=403))
GONE = caused(IssuanceRefusedError("refused"), PolytomicNotFoundError("no", status=404))
STORE_DOWN = SecretStoreUnavailableError("no answer")
STORE_DOWN_LATER = caused(IssuanceIncompleteError("not there yet"), STORE_DOWN)
FOREIGN = IssuanceRefusedError("holds something else")
ELSEWHERE = IssuanceRefusedError("readers get something else", key_was_issued=True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (STORE_DOWN, SecretStoreUnavailableError),
        (STORE_DOWN_LATER, SecretStoreUnavailableError),
        (FORBIDDEN, PolytomicForbiddenError),
        (FOREIGN, IssuanceRefusedError),
        (KeyError("x"), KeyError),
        (caused(SecretStoreDeniedError("no"), OSError("of a library")), SecretStoreDeniedError),
    ],
)
def test_the_type_is_that_of_our_error_at_the_root(error, kind):
    assert root_cause_type(error) is kind


@pytest.mark.parametrize("error", [STORE_DOWN, FORBIDDEN, ELSEWHERE, KeyError("x")])
def test_the_limit_of_one_type_stops_the_rotation_and_the_last_error_is_quoted(error):
    budget = FailureBudget(3)
    for _ in range(2):
        budget.record(error, "first words")
        assert budget.reason is None
    budget.record(error, "last words")
    assert budget.reason is not None
    assert "3 targets" in budget.reason
    assert root_cause_type(error).__name__ in budget.reason
    assert "last words" in budget.reason


def test_different_types_are_counted_separately():
    budget = FailureBudget(3)
    for error in (STORE_DOWN, FORBIDDEN, KeyError("x"), STORE_DOWN_LATER, FORBIDDEN, KeyError("x")):
        budget.record(error, "")
    assert budget.reason is None
    budget.record(STORE_DOWN_LATER, "")
    assert budget.reason


@pytest.mark.parametrize("error", [GONE, FOREIGN])
def test_errors_about_one_target_do_not_count_unless_a_key_was_issued(error):
    budget = FailureBudget(3)
    for _ in range(100):
        budget.record(error, "")
    assert budget.reason is None


@pytest.mark.parametrize(
    ("errors", "retryable"),
    [
        ([FORBIDDEN, GONE, FOREIGN], False),
        ([FORBIDDEN, STORE_DOWN], True),
        ([STORE_DOWN_LATER], True),
        ([KeyError("x")], True),
        ([], False),
    ],
)
def test_a_retry_helps_if_any_failure_can_be_temporary(errors, retryable):
    budget = FailureBudget(100)
    for error in errors:
        budget.record(error, "")
    assert budget.retryable is retryable


def test_a_retry_helps_a_target_in_progress_when_the_rotation_stopped():
    budget = FailureBudget(2)
    for error in (FORBIDDEN, FORBIDDEN):
        budget.record(error, "")
    assert budget.reason
    assert not budget.retryable
    budget.record(STORE_DOWN_LATER, "")
    assert budget.retryable
