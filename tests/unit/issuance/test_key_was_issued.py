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


def nothing_is_stored(bench: Harness) -> None:
    bench.store.order("read", SecretStoreUnavailableError("away"))


def a_foreign_value_is_stored(bench: Harness) -> None:
    bench.store.put(None, is_foreign=True)


def the_user_is_gone(bench: Harness) -> None:
    bench.polytomic.order("create_api_key", PolytomicNotFoundError("gone", status=404, is_from_polytomic=True))


def no_response_comes(bench: Harness) -> None:
    bench.polytomic.order("create_api_key", After(PolytomicConnectionError("lost")))


def the_certificate_is_untrusted(bench: Harness) -> None:
    bench.polytomic.order("create_api_key", UNTRUSTED)


def readers_get_another_value(bench: Harness) -> None:
    bench.store.readers_get.extend(["another-value"] * 9)


def a_foreign_value_comes(bench: Harness) -> None:
    bench.store.order("write", lambda: bench.store.put(None, is_foreign=True))


def another_users_key_comes(bench: Harness) -> None:
    bench.store.order("write", lambda: bench.hold("key-of-another", owner=OTHER, issued_at=None))


def the_store_is_away(bench: Harness) -> None:
    bench.store.order("write", *[SecretStoreUnavailableError("away")] * 9)


def every_key_is_revoked(bench: Harness) -> None:
    bench.polytomic.order("get_identity", *[UNKNOWN_KEY] * 99)


def the_second_post_finds_an_untrusted_certificate(bench: Harness) -> None:
    bench.polytomic.order("get_identity", *[UNKNOWN_KEY] * 3)
    bench.polytomic.order("create_api_key", None, UNTRUSTED)


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
def test_an_error_before_a_key_came_says_that_none_was_issued(bench: Harness, mode, fault: Callable[[Harness], None]):
    fault(bench)
    with pytest.raises(PolytomicError) as caught:
        bench.issue(mode)
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
    bench: Harness, fault: Callable[[Harness], None], error_type: type[PolytomicError]
):
    fault(bench)
    with pytest.raises(error_type) as caught:
        bench.issue(renew(MONDAY))
    assert caught.value.key_was_issued is True
    assert bench.store.parsed.state == "open"


def test_an_untrusted_certificate_after_a_key_came_is_the_cause_and_a_retry_continues(bench: Harness):
    the_second_post_finds_an_untrusted_certificate(bench)
    with pytest.raises(IssuanceIncompleteError) as caught:
        bench.issue(renew(MONDAY))
    assert caught.value.__cause__ is UNTRUSTED
    assert bench.issue(renew(MONDAY)).issued
