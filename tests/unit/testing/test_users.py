"""The emulator's users, in the partner's paths and in those of the current organization."""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import basic

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["partner", "current organization"])
def users(request, place):
    """Send a request about the users of the organization, by either path."""
    partner = request.param == "partner"
    path = place.users_path if partner else "/api/organization/users"
    auth = None if partner else basic(place.organization.id, place.emulator.partner_key)
    return lambda method, rest="", body=None: place.send(method, path + rest, body, auth=auth)


def test_no_users_are_null(place):
    other = place.emulator.add_organization("Empty")
    for path, auth in (
        (f"/api/organizations/{other.id}/users", None),
        ("/api/organization/users", basic(other.id, place.emulator.partner_key)),
    ):
        assert place.send("GET", path, auth=auth).json() == {"data": None}


def test_a_user_is_created_invited_read_and_deleted(place, users):
    created = users("POST", "", {"email": "New@Acme.Example"}).json()["data"]
    expected = {"email": "new@acme.example", "organization_id": place.organization.id, "role": "user", "role_ids": None}
    assert created == {"id": created["id"], **expected}
    assert [(i.email, i.user_id) for i in place.emulator.invitations] == [("new@acme.example", created["id"])]
    assert created.items() <= users("GET", f"/{created['id']}").json()["data"].items()
    assert {user["id"] for user in users("GET").json()["data"]} == {place.user.id, created["id"]}
    assert users("DELETE", f"/{created['id']}").json()["data"]["id"] == created["id"]
    assert users("GET", f"/{created['id']}").status_code == 404


def test_an_update_changes_roles_only(place, users):
    admin = place.emulator.role_id("Admin")
    user = f"/{place.user.id}"
    updated = users("PUT", user, {"email": "other@acme.example", "role_ids": [admin]}).json()["data"]
    assert (updated["email"], updated["role_ids"], updated["role"]) == ("ada@acme.example", [admin], "admin")
    assert users("PUT", user, {"email": "x@y"}).json()["data"]["role_ids"] == [admin]
    assert users("PUT", user, {"email": "x@y", "role": "user"}).json()["data"]["role_ids"] == [
        place.emulator.role_id("Editor")
    ]


@pytest.mark.parametrize(
    ("roles", "field"),
    [
        ({"role": "admin", "role_ids": [UNKNOWN]}, "role"),
        ({"role": "emperor"}, "role"),
        ({"role_ids": []}, "role_ids"),
        ({"role_ids": "x"}, "role_ids"),
        ({"role_ids": [UNKNOWN]}, "role_ids"),
        ({"role_ids": ["theirs"]}, "role_ids"),
    ],
)
def test_roles_that_are_refused_are_named_and_nothing_changes(place, users, roles, field):
    other = basic(place.emulator.add_organization("Other").id, place.emulator.partner_key)
    theirs = place.send("POST", "/api/permissions/roles", {"name": "Auditor"}, auth=other).json()["data"]["id"]
    roles = {"role_ids": [theirs]} if roles == {"role_ids": ["theirs"]} else roles
    for answer in (
        users("POST", "", {"email": "new@acme.example", **roles}),
        users("PUT", f"/{place.user.id}", {"email": "x@y", **roles}),
    ):
        assert (answer.status_code, answer.json()["metadata"]) == (422, {"field": field})
    assert place.emulator.users_of(place.organization.id) == [place.user]
    assert place.emulator.invitations == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_user_that_is_not_there_is_not_found(users, method):
    body = {"email": "x@y"} if method == "PUT" else None
    assert users(method, f"/{UNKNOWN}", body).status_code == 404


@pytest.mark.parametrize("existing_user", [409, 422])
def test_what_a_taken_address_is_answered_can_be_chosen(make_place, existing_user):
    place = make_place(existing_user=existing_user)
    own = basic(place.organization.id, place.emulator.partner_key)
    for path, auth in ((place.users_path, None), ("/api/organization/users", own)):
        answer = place.send("POST", path, {"email": "ADA@acme.example"}, auth=auth)
        assert (answer.status_code, answer.json()["metadata"]) == (existing_user, {"field": "email"})
    assert place.emulator.invitations == []


def test_only_the_partners_update_needs_the_address(place):
    own = basic(place.organization.id, place.emulator.partner_key)
    assert place.send("PUT", f"{place.users_path}/{place.user.id}", {}).json()["metadata"] == {"field": "email"}
    assert place.send("PUT", f"/api/organization/users/{place.user.id}", {}, auth=own).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "email"),
        (b'{"email": null}', "email"),
        (b'{"email": "nobody"}', "email"),
        (b'{"email": "ADA@acme.example"}', "email"),
        (b'"a string"', "body"),
        (b"{", "body"),
    ],
)
def test_a_bad_body_is_refused_and_creates_nobody(place, body, field):
    answer = place.send("POST", place.users_path, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["metadata"]) == (422, {"field": field})
    assert place.emulator.users_of(place.organization.id) == [place.user]


def test_one_address_may_be_a_user_of_two_organizations_who_do_not_find_each_others(place):
    other = place.emulator.add_organization("Other")
    path, auth = f"/api/organizations/{other.id}/users", basic(other.id, place.emulator.partner_key)
    assert place.send("POST", path, {"email": "ada@acme.example"}).status_code == 200
    assert place.send("GET", f"{path}/{place.user.id}").status_code == 404
    assert place.send("GET", f"/api/organization/users/{place.user.id}", auth=auth).status_code == 404
    assert place.send("GET", f"/api/organizations/{UNKNOWN}/users").status_code == 404


def test_only_the_current_organizations_reads_tell_of_harbors(place):
    own = basic(place.organization.id, place.emulator.partner_key)
    assert "harbor_only" in place.send("GET", f"/api/organization/users/{place.user.id}", auth=own).json()["data"]
    assert "harbor_only" not in place.send("GET", f"{place.users_path}/{place.user.id}").json()["data"]
