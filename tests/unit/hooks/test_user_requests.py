"""What does each method about users send, for an organization that is named and for the caller's own?"""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicForbiddenError,
    PolytomicTakenError,
    PolytomicUnreadableAnswerError,
)
from tests.unit.hooks.conftest import ORG, USER, Reply, Request


@pytest.fixture(params=["partner", "current"])
def scope(request, polytomic, ada, connect):
    """The hook of a caller, the organization as that caller says it, and the path that is meant."""
    if request.param == "partner":
        return connect(), ada.organization_id, f"/api/organizations/{ada.organization_id}/users"
    return connect(password=polytomic.give_key(ada.id)), "current", "/api/organization/users"


def test_users_are_listed(scope, sent, ada):
    hook, org_id, path = scope
    assert [user.email for user in hook.list_users(org_id)] == [ada.email]
    assert sent() == [Request("GET", path)]


def test_a_user_is_read(scope, sent, ada):
    hook, org_id, path = scope
    assert hook.get_user(org_id, ada.id.upper()).email == ada.email
    assert sent() == [Request("GET", f"{path}/{ada.id}")]


@pytest.mark.parametrize("idempotency_key", [None, "one-of-my-own"])
@pytest.mark.parametrize("named", ["not", "role_ids", "role"])
def test_a_user_is_created_with_role_ids_or_a_role_or_neither(scope, sent, polytomic, named, idempotency_key):
    hook, org_id, path = scope
    viewer = polytomic.role_id("Viewer")
    everything: dict[str, Any] = {"role_ids": [viewer], "role": "admin"}
    given = {name: value for name, value in everything.items() if name == named}
    user = hook.create_user(org_id, "Bob@Acme.example", idempotency_key=idempotency_key, **given)
    assert sent() == [Request("POST", path, {"email": "Bob@Acme.example", **given}, has_idempotency_key=True)]
    assert idempotency_key in (None, polytomic.requests[-1].idempotency_key)
    assert polytomic.roles_of(user.id) == {"not": [], "role_ids": ["Viewer"], "role": ["Admin"]}[named]


def test_an_update_repeats_the_address_to_a_partner_endpoint_and_reads_it_where_it_was_not_given(
    connect, sent, polytomic, ada
):
    hook, viewer = connect(), polytomic.role_id("Viewer")
    path = f"/api/organizations/{ada.organization_id}/users/{ada.id}"
    put = Request("PUT", path, {"role_ids": [viewer], "email": ada.email})
    hook.update_user(ada.organization_id, ada.id, email=ada.email, role_ids=[viewer])
    assert sent() == [put]
    assert hook.update_user(ada.organization_id, ada.id, role_ids=[viewer]).role_ids == (viewer,)
    assert sent() == [Request("GET", path), put]


def test_an_update_in_the_own_organization_has_no_address(connect, sent, polytomic, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    hook.update_user("current", ada.id, email=ada.email, role="user")
    assert sent() == [Request("PUT", f"/api/organization/users/{ada.id}", {"role": "user"})]
    assert polytomic.roles_of(ada.id) == ["Editor"]


@pytest.mark.parametrize(
    ("version", "verb"),
    [("2022-12-12", "PATCH"), ("2023-04-25", "PATCH"), ("2024-02-08", "PUT"), ("2025-09-18", "PUT")],
)
def test_the_verb_of_an_update_is_that_of_the_api_version(connect, sent, polytomic, ada, *, version, verb):
    hook, viewer = connect(extra={"api_version": version}), polytomic.role_id("Viewer")
    hook.update_user(ada.organization_id, ada.id, email=ada.email, role_ids=[viewer])
    hook.update_organization(ada.organization_id, name="Acme 2")
    role = hook.create_role(ada.organization_id, "Auditor")
    hook.update_role(ada.organization_id, role.id, "Inspector")
    assert [request.method for request in sent()] == [verb, "GET", verb, "POST", verb]
    assert (polytomic.roles_of(ada.id), polytomic.organizations()[-1].name) == (["Viewer"], "Acme 2")


@pytest.mark.parametrize(("version", "verb"), [("2023-04-25", "PATCH"), ("2024-02-08", "PUT")])
def test_an_update_that_cannot_be_read_is_called_by_the_verb_that_was_sent(stub, define, hook, version, verb):
    define(host=stub.base_url, extra={"api_version": version})
    stub.reply(Reply(body="{}"))
    with pytest.raises(PolytomicUnreadableAnswerError, match=f"^{verb} "):
        hook.update_user(ORG, USER, email="ada@acme.example", role="user")
    assert stub.requests[-1].method == verb


def test_a_user_is_removed_without_an_idempotency_key_or_a_body(scope, sent, polytomic, ada):
    hook, org_id, path = scope
    bob = polytomic.add_user(ada.organization_id, "bob@acme.example")
    assert hook.delete_user(org_id, bob.id) is None
    assert sent() == [Request("DELETE", f"{path}/{bob.id}")]
    assert polytomic.users_of(ada.organization_id) == [ada]


def test_a_null_list_is_an_empty_one_and_null_roles_are_none(connect, polytomic):
    empty = polytomic.add_organization("Empty")
    assert connect().list_users(empty.id) == []
    bob = polytomic.add_user(empty.id, "bob@acme.example")
    assert connect().list_users(empty.id)[0].role_ids == ()
    assert connect(login=empty.id).list_users("current")[0].id == bob.id


def test_a_409_to_an_update_is_taken_in_the_servers_words_and_to_a_creation_a_conflict(connect, polytomic, ada):
    polytomic.add_organization("Globex")
    with pytest.raises(PolytomicTakenError, match=r"already exists.*Use another name") as caught:
        connect().update_organization(ada.organization_id, name="Globex")
    assert (caught.value.status, caught.value.retryable, caught.value.own_words) == (409, False, True)
    assert caught.value.server_message


def test_only_an_admin_may_create_users_in_the_own_organization(connect, polytomic, ada):
    bob = polytomic.add_user(ada.organization_id, "bob@acme.example", [polytomic.role_id("Viewer")])
    with pytest.raises(PolytomicForbiddenError, match="Admin"):
        connect(password=polytomic.give_key(bob.id)).create_user("current", "eve@acme.example")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"data": {}}', '{"data": [{}]}', '{"data": "x"}', '{"data": 1}'])
def test_a_malformed_success_is_told_and_not_shown(stub, hook, body):
    stub.reply(Reply(body=body))
    for call in (lambda: hook.get_user(ORG, USER), lambda: hook.create_user(ORG, "a@b.example")):
        with pytest.raises(PolytomicUnreadableAnswerError):
            call()
    if body != '{"data": {}}':
        with pytest.raises(PolytomicUnreadableAnswerError):
            hook.list_users(ORG)
    assert {request.method for request in stub.requests} == {"GET", "POST"}
    assert len(stub.requests) == 2 + (body != '{"data": {}}')
