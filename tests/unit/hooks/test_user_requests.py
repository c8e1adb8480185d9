"""What does each method about users send, for an organization that is named and for the caller's own?"""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicForbiddenError,
    PolytomicTakenError,
)
from tests.unit.hooks.conftest import Request


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
@pytest.mark.parametrize("roles", [[], ["Viewer"]])
def test_a_user_is_created_with_role_ids_or_without(scope, sent, polytomic, roles, idempotency_key):
    hook, org_id, path = scope
    role_ids = [polytomic.role_id(name) for name in roles]
    user = hook.create_user(org_id, "Bob@Acme.example", role_ids, idempotency_key=idempotency_key)
    body = {"email": "Bob@Acme.example", **({"role_ids": role_ids} if role_ids else {})}
    assert sent() == [Request("POST", path, body, has_idempotency_key=True)]
    assert idempotency_key in (None, polytomic.requests[-1].idempotency_key)
    assert polytomic.roles_of(user.id) == roles


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
    hook, editor = connect(password=polytomic.give_key(ada.id)), polytomic.role_id("Editor")
    hook.update_user("current", ada.id, email=ada.email, role_ids=[editor])
    assert sent() == [Request("PUT", f"/api/organization/users/{ada.id}", {"role_ids": [editor]})]
    assert polytomic.roles_of(ada.id) == ["Editor"]


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


def test_a_409_to_an_update_means_that_the_name_is_taken(connect, polytomic, ada):
    polytomic.add_organization("Globex")
    with pytest.raises(PolytomicTakenError) as caught:
        connect().update_organization(ada.organization_id, name="Globex")
    assert (caught.value.status, caught.value.retryable, caught.value.own_words) == (409, False, True)
    assert caught.value.server_message


def test_only_an_admin_may_create_users_in_the_own_organization(connect, polytomic, ada):
    bob = polytomic.add_user(ada.organization_id, "bob@acme.example", [polytomic.role_id("Viewer")])
    with pytest.raises(PolytomicForbiddenError):
        connect(password=polytomic.give_key(bob.id)).create_user("current", "eve@acme.example")
