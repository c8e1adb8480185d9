"""A DELETE succeeds if it took effect, even if its response was lost."""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicConnectionError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicUnavailableError,
)
from tests.unit.hooks.conftest import ORG, USER, Reply

METHODS = {"delete_organization": (ORG,), "delete_user": (ORG, USER), "delete_role": (ORG, USER)}
MISSING = Reply(404, json.dumps({"key": "not_found", "message": "not found", "metadata": {}, "status": 404}))
PAGES = ["", "<html>no such host</html>", '{"message": "no route"}']  # of a proxy


@pytest.fixture(params=METHODS)
def delete(request, hook):
    return lambda: getattr(hook, request.param)(*METHODS[request.param])


@pytest.mark.parametrize(
    "trouble", [Reply(lost=True), Reply(500), Reply(503), Reply(504), Reply(408), Reply(body="{", length=100)]
)
def test_a_404_after_a_lost_response_counts_as_deleted(stub, delete, trouble):
    stub.reply(trouble, MISSING)
    assert delete() is None
    assert [request.method for request in stub.requests] == ["DELETE"] * 2
    assert stub.idempotency_keys == [None, None]


@pytest.mark.parametrize("before", [[], [Reply(429), Reply(429)]])
def test_a_404_to_the_first_request_is_an_error(stub, delete, before):
    stub.reply(*before, MISSING)
    with pytest.raises(PolytomicNotFoundError) as caught:
        delete()
    assert (caught.value.is_from_polytomic, caught.value.earlier_outcome_unknown) == (True, False)
    assert len(stub.requests) == len(before) + 1


@pytest.mark.parametrize("page", PAGES)
def test_a_404_of_a_proxy_never_counts_as_deleted(stub, delete, page):
    stub.reply(Reply(404, page))
    with pytest.raises(PolytomicNotFoundError) as missing:
        delete()
    assert missing.value.is_from_polytomic is False
    for before in (Reply(lost=True), Reply(503)):
        stub.reply(before, Reply(404, page))
        with pytest.raises(PolytomicUnavailableError) as caught:
            delete()
        error = caught.value
        assert (error.status, error.reason, error.retryable) == (404, "removal_unsettled", True)
        assert (error.__cause__, error.__context__) == (None, None)


def test_a_rejection_is_not_repeated_and_a_lost_connection_is_an_error(stub, delete):
    stub.reply(Reply(403))
    with pytest.raises(PolytomicForbiddenError):
        delete()
    assert len(stub.requests) == 1
    stub.reply(Reply(lost=True))
    with pytest.raises(PolytomicConnectionError):
        delete()


@pytest.mark.parametrize("content", ["", "<p>gone</p>", '{"data": null}'])
def test_the_body_of_a_success_is_ignored(stub, delete, content):
    stub.reply(Reply(body=content))
    assert delete() is None
