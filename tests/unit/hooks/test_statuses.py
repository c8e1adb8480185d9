"""Every status with every form of error body: the exception, the number of requests, the Idempotency-Keys."""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    PolytomicApiError,
    PolytomicConflictError,
    PolytomicConnectionError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicRateLimitedError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import NEW_KEY, ORG, USER, Reply

WORDS = "the role is unknown"
# name: (body, the words in it that may be shown, its key, whether it is surely Polytomic's)
BODIES: dict[str, tuple[str | bytes, str | None, str | None, bool]] = {
    "2025-09-18": (json.dumps({"key": "api.role", "message": WORDS, "status": 0}), WORDS, "api.role", True),
    "2025-09-18, little of it": (json.dumps({"message": WORDS, "status": 0}), WORDS, None, False),
    "2024-02-08": (json.dumps({"code": 0, "context": {}, "error": WORDS, "status": "No"}), WORDS, None, True),
    "2023": (json.dumps({"message": WORDS, "status_code": 0, "metadata": []}), WORDS, None, True),
    "2022": (json.dumps({"error": {"message": WORDS}}), WORDS, None, True),
    "Google's": (json.dumps({"error": {"code": 403, "message": WORDS, "status": "NO"}}), WORDS, None, False),
    "Spring's": (json.dumps({"timestamp": 0, "status": 403, "message": WORDS, "path": "/"}), WORDS, None, False),
    "a gateway's": (json.dumps({"message": WORDS}), WORDS, None, False),
    "an array": (json.dumps([{"message": WORDS}]), None, None, False),
    "other types": (json.dumps({"message": {"value": WORDS}, "error": 7, "key": 7}), None, None, False),
    "not JSON": (f"<html>{WORDS}</html>", None, None, False),
    "broken JSON": ('{"message": "' + WORDS, None, None, False),
    "deep JSON": ("[" * 200_000, None, None, False),
    "not UTF-8": (b"\xff\xfe\x00", None, None, False),
    "empty": ("", None, None, False),
    "too long": (json.dumps({"message": WORDS, "status": 0, "pad": "x" * 1_100_000}), None, None, False),
}
OWN = BODIES["2025-09-18"][0]
CLASSES: dict[int, type[PolytomicApiError]] = {
    301: PolytomicRejectedError,
    304: PolytomicRejectedError,
    400: PolytomicRejectedError,
    401: PolytomicUnauthorizedError,
    402: PolytomicRejectedError,
    403: PolytomicForbiddenError,
    404: PolytomicNotFoundError,
    408: PolytomicUnavailableError,
    409: PolytomicConflictError,
    422: PolytomicRejectedError,
    429: PolytomicRateLimitedError,
    500: PolytomicServerError,
    501: PolytomicUnavailableError,
    502: PolytomicUnavailableError,
    503: PolytomicUnavailableError,
    504: PolytomicUnavailableError,
    520: PolytomicUnavailableError,
}
REPEATED_GET = {408, 429, 500, 501, 502, 503, 504, 520}
REPEATED_POST = {408, 409, 429, 502, 503, 504}
# One after another with a wait of 0.375, 0.75, 1.5 and 3 seconds; the next, of 6, would end later than 10 seconds.
ATTEMPTS_IN_TEN_SECONDS = 5


@pytest.fixture
def hook(stub, define, fake_time):
    define(host=stub.base_url)
    made = PolytomicHook(retry_for=10, clock=fake_time.clock)
    yield made
    made.close()


@pytest.mark.parametrize("generation", BODIES)
@pytest.mark.parametrize("status", [403, 500])
def test_an_error_has_the_servers_message_and_whether_it_is_from_polytomic(stub, hook, status, generation):
    body, words, key, own = BODIES[generation]
    stub.reply(Reply(status, body))
    with pytest.raises(PolytomicApiError) as caught:
        hook.create_api_key(ORG, USER, force=True, idempotency_key="issuance-0")
    error = caught.value
    assert type(error) is (PolytomicUnavailableError if status == 500 and not own else CLASSES[status])
    assert (error.status, error.server_message, error.key, error.is_from_polytomic) == (status, words, key, own)
    assert (WORDS in str(error)) == bool(words)


@pytest.mark.parametrize("status", CLASSES)
def test_each_status_is_one_exception_and_only_safe_requests_are_repeated(stub, hook, status):
    stub.reply(Reply(status, "" if status == 304 else OWN))
    with pytest.raises(CLASSES[status]) as caught:
        hook.create_api_key(ORG, USER, force=True, idempotency_key="issuance-0")
    assert type(caught.value) is CLASSES[status]
    assert stub.idempotency_keys == ["issuance-0"] * (ATTEMPTS_IN_TEN_SECONDS if status in REPEATED_POST else 1)
    stub.requests.clear()
    with pytest.raises(CLASSES[status]) as caught:
        hook.list_users(ORG)
    assert caught.value.request == f"GET /api/organizations/{ORG}/users"
    assert stub.idempotency_keys == [None] * (ATTEMPTS_IN_TEN_SECONDS if status in REPEATED_GET else 1)


@pytest.mark.parametrize("trouble", [Reply(lost=True), Reply(body='{"data": {"val', length=100)])
@pytest.mark.parametrize("times", [1, 3])
def test_lost_response_is_replayed_with_the_same_idempotency_key(stub, hook, trouble, times):
    stub.reply(*[trouble] * times, Reply(body=json.dumps({"data": {"value": NEW_KEY}})))
    key = hook.create_api_key(ORG, USER, idempotency_key="issuance-0")
    assert key.reveal() == NEW_KEY
    assert stub.idempotency_keys == ["issuance-0"] * (times + 1)


def test_an_unreachable_server_is_a_lost_connection(stub, hook):
    stub.reply(Reply(lost=True))
    with pytest.raises(PolytomicConnectionError) as caught:
        hook.create_api_key(ORG, USER, idempotency_key="issuance-0")
    assert caught.value.reason == "connection_lost"
    assert len(stub.requests) == ATTEMPTS_IN_TEN_SECONDS
    stub.stop()
    hook.close()
    with pytest.raises(PolytomicConnectionError) as caught:
        hook.get_identity()
    assert caught.value.reason == "connection_lost"


@pytest.mark.parametrize(
    ("create", "given"), [("create_user", (ORG, "ada@acme.example")), ("create_organization", ("Acme",))]
)
def test_other_posts_have_one_idempotency_key_per_call(stub, hook, create, given):
    stub.reply(Reply(503), Reply(lost=True), Reply(body=json.dumps({"data": {"id": USER}})))
    getattr(hook, create)(*given)
    getattr(hook, create)(*given)
    getattr(hook, create)(*given, idempotency_key="my-own-key")
    first, second, third, other, own = stub.idempotency_keys
    assert first == second == third != other
    assert own == "my-own-key"


@pytest.mark.parametrize(
    ("status", "call", "expected"),
    [
        (500, lambda hook: hook.list_users(ORG), "Nothing was changed. Try again later."),
        (500, lambda hook: hook.delete_user(ORG, USER), "Try again: repeating it is safe."),
        (
            500,
            lambda hook: hook.create_role(ORG, "Auditor"),
            "under this Idempotency-Key for 24 hours.",
        ),
        (401, lambda hook: hook.list_users(ORG), "Replace the key in the connection 'polytomic_default'."),
        (401, lambda hook: hook.get_identity(ApiKey(NEW_KEY)), "Replace the key that was checked."),
    ],
)
def test_a_message_ends_with_the_state_and_what_to_do(stub, hook, status, call, expected):
    stub.reply(Reply(status, OWN))
    with pytest.raises(PolytomicApiError) as caught:
        call(hook)
    assert str(caught.value).endswith(expected)
