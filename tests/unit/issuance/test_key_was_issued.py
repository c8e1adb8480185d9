"""What an error says about keys that its try had issued: with ``force``, they revoked the user's earlier keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConfigurationError,
    PolytomicConnectionError,
    PolytomicError,
    PolytomicNotFoundError,
    PolytomicUnauthorizedError,
    SecretStoreUnavailableError,
)
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, OTHER, After, Harness

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN_KEY = PolytomicUnauthorizedError("unknown", status=401, is_from_polytomic=True)
UNTRUSTED = PolytomicConfigurationError("The certificate is not trusted.", "Check the host.", fields=("host",))


def nothing_is_stored(harness: Harness) -> None:
    harness.store.order("read", SecretStoreUnavailableError("away"))


def a_foreign_value_is_stored(harness: Harness) -> None:
    harness.store.put(None, is_foreign=True)


def the_user_is_gone(harness: Harness) -> None:
    harness.polytomic.order("create_api_key", PolytomicNotFoundError("gone", status=404, is_from_polytomic=True))


def no_response_comes(harness: Harness) -> None:
    harness.polytomic.order("create_api_key", After(PolytomicConnectionError("lost")))


def the_certificate_is_untrusted(harness: Harness) -> None:
    harness.polytomic.order("create_api_key", UNTRUSTED)


def readers_get_another_value(harness: Harness) -> None:
    harness.store.readers_get.extend(["another-value"] * 9)


def a_foreign_value_comes(harness: Harness) -> None:
    harness.store.order("write", lambda: harness.store.put(None, is_foreign=True))


def another_users_key_comes(harness: Harness) -> None:
    harness.store.order("write", lambda: harness.hold("key-of-another", owner=OTHER, issued_at=None))


def the_store_is_away(harness: Harness) -> None:
    harness.store.order("write", *[SecretStoreUnavailableError("away")] * 9)


def every_key_is_revoked(harness: Harness) -> None:
    harness.polytomic.order("get_identity", *[UNKNOWN_KEY] * 99)


def the_second_post_finds_an_untrusted_certificate(harness: Harness) -> None:
    harness.polytomic.order("get_identity", *[UNKNOWN_KEY] * 3)
    harness.polytomic.order("create_api_key", None, UNTRUSTED)


@pytest.mark.parametrize(
    "fault",
    [
        nothing_is_stored,
        a_foreign_value_is_stored,
        the_user_is_gone,
        no_response_comes,
        the_certificate_is_untrusted,
    ],
)
@pytest.mark.parametrize("mode", [Ensure(), renew(MONDAY)], ids=["ensure", "rotate"])
def test_an_error_before_a_key_came_says_that_none_was_issued(harness: Harness, mode, fault: Callable[[Harness], None]):
    fault(harness)
    with pytest.raises(PolytomicError) as caught:
        harness.issue(mode)
    assert caught.value.key_was_issued is False


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [
        (readers_get_another_value, IssuanceRefusedError),
        (a_foreign_value_comes, IssuanceRefusedError),
        (another_users_key_comes, IssuanceRefusedError),
        (the_store_is_away, IssuanceIncompleteError),
        (every_key_is_revoked, IssuanceIncompleteError),
        (the_second_post_finds_an_untrusted_certificate, IssuanceIncompleteError),
    ],
)
def test_an_error_after_a_key_came_says_that_one_was_issued(
    harness: Harness, fault: Callable[[Harness], None], error_type: type[PolytomicError]
):
    fault(harness)
    with pytest.raises(error_type) as caught:
        harness.issue(renew(MONDAY))
    assert caught.value.key_was_issued is True
    assert harness.store.parsed.state == "open"


def test_an_untrusted_certificate_after_a_key_came_is_the_cause_and_a_retry_continues(harness: Harness):
    the_second_post_finds_an_untrusted_certificate(harness)
    with pytest.raises(IssuanceIncompleteError) as caught:
        harness.issue(renew(MONDAY))
    assert caught.value.__cause__ is UNTRUSTED
    assert harness.issue(renew(MONDAY)).issued
