"""Do lists of many organizations or users arrive whole? Polytomic gives them without pages."""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import PolytomicUnreadableAnswerError
from airflow_provider_polytomic.hooks._exchange import LONGEST_BODY, LONGEST_LIST
from tests.unit.hooks.conftest import ORG, Reply

MANY = [{"id": f"{number:08d}-aa70-47b8-a036-33ac447e668d", "name": f"Customer {number}"} for number in range(20_000)]


@pytest.fixture
def long_answer(stub):
    body = json.dumps({"data": MANY})
    assert len(body) > LONGEST_BODY
    stub.reply(Reply(body=body))


@pytest.mark.usefixtures("long_answer")
def test_lists_longer_than_any_other_answer_are_read_whole(hook):
    assert len(hook.list_organizations()) == len(MANY)
    assert len(hook.list_users(ORG)) == len(MANY)
    assert len(hook.list_roles(ORG)) == len(MANY)


@pytest.mark.usefixtures("long_answer")
def test_another_answer_of_that_length_is_not(hook):
    with pytest.raises(PolytomicUnreadableAnswerError, match="too long"):
        hook.get_organization(ORG)


@pytest.mark.parametrize("ask", [lambda hook: hook.list_organizations(), lambda hook: hook.list_users(ORG)])
@pytest.mark.parametrize(("length", "is_read"), [(LONGEST_LIST, True), (LONGEST_LIST + 1, False)])
def test_a_list_has_a_bound_too(stub, hook, ask, *, length, is_read):
    empty = '{"data": []}'
    stub.reply(Reply(body=empty + " " * (length - len(empty))))
    if is_read:
        assert ask(hook) == []
        return
    with pytest.raises(PolytomicUnreadableAnswerError, match="too long"):
        ask(hook)
