"""When does a removal end well? When it took effect, also where the answer that said so was lost."""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicForbiddenError,
    PolytomicNoAnswerError,
    PolytomicNotFoundError,
    PolytomicUnavailableError,
)
from tests.unit.hooks.conftest import ORG, USER, Reply, Request

METHODS = {"delete_organization": (ORG,), "delete_user": (ORG, USER), "delete_role": (ORG, USER)}
MISSING = Reply(404, json.dumps({"key": "not_found", "message": "not found", "metadata": {}, "status": 404}))


@pytest.fixture(params=METHODS)
def delete(request, hook):
    return lambda: getattr(hook, request.param)(*METHODS[request.param])


@pytest.mark.parametrize(
    "fault", ["drop when=after", "status:500 when=after", "status:502 when=after", "status:408 when=after"]
)
@pytest.mark.parametrize("endpoint", ["delete_organization", "delete_user", "delete_role"])
def test_a_removal_whose_answer_was_lost_is_repeated_and_ends_well(connect, polytomic, ada, sent, *, fault, endpoint):
    hook = connect()
    role = hook.create_role(ada.organization_id, "Auditor")
    more = {"delete_organization": (), "delete_user": (ada.id,), "delete_role": (role.id,)}[endpoint]
    sent()
    polytomic.inject(f"{fault} endpoint={endpoint}")
    getattr(hook, endpoint)(ada.organization_id, *more)
    first, second = sent()
    assert first == second == Request("DELETE", first.path)
    assert [request.status for request in polytomic.received(endpoint)][-1] == 404


@pytest.mark.parametrize(
    "trouble", [Reply(lost=True), Reply(500), Reply(503), Reply(504), Reply(408), Reply(body="{", length=100)]
)
def test_missing_after_an_answer_that_was_lost_is_a_removal(stub, delete, trouble):
    stub.reply(trouble, MISSING)
    assert delete() is None
    assert [request.method for request in stub.requests] == ["DELETE"] * 2
    assert stub.idempotency_keys == [None, None]


@pytest.mark.parametrize("before", [[], [Reply(429)], [Reply(429), Reply(429)]])
def test_missing_at_first_is_an_error(stub, delete, before):
    stub.reply(*before, MISSING)
    with pytest.raises(PolytomicNotFoundError) as caught:
        delete()
    assert (caught.value.own_words, caught.value.earlier_unknown) == (True, False)
    assert len(stub.requests) == len(before) + 1


in_a_proxys_words = pytest.mark.parametrize("body", ["", "<html>no such host</html>", '{"message": "no route"}'])


@in_a_proxys_words
def test_a_404_in_a_proxys_words_is_never_missing(stub, delete, body):
    stub.reply(Reply(404, body))
    with pytest.raises(PolytomicNotFoundError) as caught:
        delete()
    assert caught.value.own_words is False


@in_a_proxys_words
@pytest.mark.parametrize("before", [Reply(lost=True), Reply(503)])
def test_a_404_in_a_proxys_words_settles_nothing_about_an_earlier_request(stub, delete, before, body):
    stub.reply(before, Reply(404, body))
    with pytest.raises(PolytomicUnavailableError, match=r"not Polytomic's.*not known") as caught:
        delete()
    assert (caught.value.status, caught.value.retryable) == (404, True)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert len(stub.requests) == 2


def test_a_refusal_is_not_repeated(stub, delete):
    stub.reply(Reply(403))
    with pytest.raises(PolytomicForbiddenError, match="Nothing was changed"):
        delete()
    assert len(stub.requests) == 1


def test_a_removal_that_is_never_answered_says_that_the_outcome_is_not_known(stub, delete):
    stub.reply(Reply(lost=True))
    with pytest.raises(PolytomicNoAnswerError, match=r"not known.*may safely be repeated"):
        delete()


@pytest.mark.parametrize("content", ["", "{}", "<p>gone</p>", '{"data": null}'])
def test_what_a_success_says_does_not_matter(stub, delete, content):
    stub.reply(Reply(body=content))
    assert delete() is None
