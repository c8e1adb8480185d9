"""One user with one invitation in the end, with exactly the requested roles."""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic._provisioning.create import ensure_user
from airflow_provider_polytomic.exceptions import PolytomicAlreadyExistsError, PolytomicConfigurationError

BOB = "Bob@Acme.example"


@pytest.fixture
def ensure(partner, budget, ada):
    def ensure_bob(email=BOB, roles=(), **given):
        return ensure_user(partner, ada.organization_id, email, roles, **{"budget": budget, **given})

    return ensure_bob


@pytest.fixture
def made(polytomic, ada):
    """Return the ids of the users with Bob's address; each was invited once."""

    def read() -> list[str]:
        found = [user.id for user in polytomic.users_of(ada.organization_id) if user.email == BOB.lower()]
        assert sorted(invitation.user_id for invitation in polytomic.invitations) == sorted(found)
        return found

    return read


@pytest.fixture
def put(polytomic):
    """Return the bodies of the updates."""
    return lambda: [json.loads(request.body) for request in polytomic.received("update_user")]


def test_one_who_is_not_there_is_made_with_the_roles(polytomic, ensure, made, calls):
    found = ensure(roles=["sync editor", polytomic.role_id("Viewer")])
    assert (found.created, [found.value.id]) == (True, made())
    assert polytomic.roles_of(found.value.id) == ["Sync Editor", "Viewer"]
    assert calls() == ["GET", "GET", "POST"]


def test_without_roles_none_are_asked_for_and_the_server_gives_its_default(polytomic, ensure, calls):
    ensure()
    assert calls() == ["GET", "POST"]
    assert json.loads(polytomic.requests[-1].body) == {"email": BOB}


@pytest.mark.parametrize("email", [BOB, BOB.lower(), BOB.upper()])
def test_one_who_is_there_is_found_by_the_address_in_any_case_and_not_invited_again(
    polytomic, ensure, made, calls, email
):
    first = ensure()
    calls()
    found = ensure(email)
    assert (found.created, found.value.id) == (False, first.value.id)
    assert (calls(), len(made())) == (["GET"], 1)


@pytest.mark.parametrize(
    ("has", "asked", "gets"),
    [
        ([], ["Viewer"], ["Viewer"]),
        (["Viewer"], ["Admin"], ["Admin"]),
        (["Viewer", "Admin"], ["admin"], ["Admin"]),
        (["Viewer"], ["Viewer", "Editor"], ["Editor", "Viewer"]),
    ],
)
def test_roles_are_brought_to_exactly_what_was_asked(polytomic, ensure, put, ada, *, has, asked, gets):
    bob = polytomic.add_user(ada.organization_id, BOB, map(polytomic.role_id, has))
    found = ensure(roles=asked)
    assert (found.created, set(found.value.role_ids)) == (False, set(map(polytomic.role_id, gets)))
    assert polytomic.roles_of(bob.id) == gets
    assert put() == [{"email": BOB.lower(), "role_ids": [polytomic.role_id(name.title()) for name in asked]}]


@pytest.mark.parametrize(
    ("has", "asked"),
    [
        (["Viewer"], []),
        ([], []),
        (["Viewer"], ["viewer"]),
        (["Viewer", "Admin"], ["Admin", "Viewer"]),
        (["Admin"], ["Admin", "ADMIN"]),
    ],
)
def test_nothing_is_put_where_the_roles_are_so_already_or_none_were_asked_for(
    polytomic, ensure, put, ada, *, has, asked
):
    bob = polytomic.add_user(ada.organization_id, BOB, map(polytomic.role_id, has))
    assert set(ensure(roles=asked).value.role_ids) == set(bob.role_ids)
    assert put() == []
    assert polytomic.roles_of(bob.id) == sorted(has)


@pytest.mark.parametrize("fault", ["drop when=before", "drop when=after", "status:503", "status:500"])
def test_an_answer_lost_while_roles_are_changed_is_repeated(polytomic, ensure, put, ada, fault):
    bob = polytomic.add_user(ada.organization_id, BOB)
    polytomic.inject(f"{fault} endpoint=update_user")
    ensure(roles=["Viewer"])
    assert (polytomic.roles_of(bob.id), len(put())) == (["Viewer"], 2)


def test_the_callers_own_roles_are_not_changed(polytomic, connect, budget, put, *, calls, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    with pytest.raises(PolytomicConfigurationError) as caught:
        ensure_user(hook, "current", ada.email, ["Viewer"], budget=budget)
    assert (caught.value.reason, caught.value.state) == ("own_user", "Nothing was changed.")
    assert (calls(), polytomic.roles_of(ada.id)) == (["GET", "GET", "GET"], ["Admin"])
    for roles in ([], ["admin"]):
        assert ensure_user(hook, "current", ada.email, roles, budget=budget).value.id == ada.id
    assert put() == []


@pytest.mark.parametrize("roles", [["Owner"], ["Viewer", "Owner"]])
def test_an_unknown_role_is_refused_before_anybody_is_invited(polytomic, ensure, made, roles):
    with pytest.raises(PolytomicConfigurationError) as caught:
        ensure(roles=roles)
    assert caught.value.reason == "role_unknown"
    assert (made(), polytomic.received("create_user")) == ([], [])


def test_fail_refuses_one_who_exists_and_leaves_the_roles(polytomic, ensure, put, ada):
    bob = polytomic.add_user(ada.organization_id, BOB)
    with pytest.raises(PolytomicAlreadyExistsError) as caught:
        ensure(roles=["Viewer"], if_exists="fail")
    assert bob.id in str(caught.value)
    assert (put(), polytomic.received("create_user")) == ([], [])


def test_an_admins_own_key_makes_a_user_of_its_own_organization(polytomic, connect, budget, made, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    found = ensure_user(hook, "current", BOB, ["Viewer"], budget=budget)
    assert [found.value.id] == made()
    assert ensure_user(hook, "current", BOB, ["Admin"], budget=budget).created is False
    assert polytomic.roles_of(found.value.id) == ["Admin"]


@pytest.mark.parametrize(
    ("given", "reason", "field"),
    [
        ({"email": ""}, "not_a_name", "user_email"),
        ({"email": " bob@acme.example"}, "not_a_name", "user_email"),
        ({"email": ["bob@acme.example"]}, "not_a_name", "user_email"),
        ({"roles": "Viewer"}, "not_a_list", "roles"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(ensure, calls, given, reason, field):
    with pytest.raises(PolytomicConfigurationError) as caught:
        ensure(**given)
    assert (caught.value.reason, caught.value.fields) == (reason, (field,))
    assert calls() == []
