"""How do the emulator's users behave, in the partner's paths and in those of the current organization?"""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import basic

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["partner", "current organization"])
def users(request, place):
    """Send to the users of the organization by either path."""
    partner = request.param == "partner"
    path = place.users_path if partner else "/api/organization/users"
    auth = None if partner else basic(place.organization.id, place.emulator.partner_key)
    return lambda method, rest="", body=None: place.send(method, path + rest, body, auth=auth)


def test_no_users_are_null(place):
    other = place.emulator.add_organization("Empty")
    assert place.send("GET", f"/api/organizations/{other.id}/users").json() == {"data": None}
    auth = basic(other.id, place.emulator.partner_key)
    assert place.send("GET", "/api/organization/users", auth=auth).json() == {"data": None}


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
        ({"role_ids": [UNKNOWN]}, "role_ids"),
    ],
)
def test_a_refused_update_names_the_field_and_changes_nothing(place, users, roles, field):
    editor = place.emulator.role_id("Editor")
    users("PUT", f"/{place.user.id}", {"email": "x@y", "role_ids": [editor]})
    answer = users("PUT", f"/{place.user.id}", {"email": "x@y", **roles})
    assert (answer.status_code, answer.json()["metadata"]) == (422, {"field": field})
    assert place.emulator.roles_of(place.user.id) == ["Editor"]


def test_a_role_of_another_organization_cannot_be_given(place, users):
    other = basic(place.emulator.add_organization("Other").id, place.emulator.partner_key)
    theirs = place.send("POST", "/api/permissions/roles", {"name": "Auditor"}, auth=other).json()["data"]["id"]
    for answer in (
        users("POST", "", {"email": "new@acme.example", "role_ids": [theirs]}),
        users("PUT", f"/{place.user.id}", {"email": "x@y", "role_ids": [theirs]}),
    ):
        assert (answer.status_code, answer.json()["metadata"]) == (422, {"field": "role_ids"})
    assert place.emulator.users_of(place.organization.id) == [place.user]


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


def test_a_deleted_users_address_is_free_again(place, users):
    users("DELETE", f"/{place.user.id}")
    again = users("POST", "", {"email": "ada@acme.example"}).json()["data"]
    assert again["id"] != place.user.id


def test_only_the_partners_update_needs_the_address(place):
    own = basic(place.organization.id, place.emulator.partner_key)
    assert place.send("PUT", f"{place.users_path}/{place.user.id}", {}).json()["metadata"] == {"field": "email"}
    assert place.send("PUT", f"/api/organization/users/{place.user.id}", {}, auth=own).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "ADA@acme.example"}, "email"),
        ({"email": "b@c", "role": "admin", "role_ids": ["x"]}, "role"),
        ({"email": "b@c", "role": "emperor"}, "role"),
        ({"email": "b@c", "role_ids": []}, "role_ids"),
        ({"email": "b@c", "role_ids": "x"}, "role_ids"),
        ({"email": "b@c", "role_ids": [UNKNOWN]}, "role_ids"),
        ("a text", "body"),
    ],
)
def test_a_bad_body_is_refused_and_creates_nobody(place, users, body, field):
    answer = users("POST", "", body)
    assert (answer.status_code, answer.json()["metadata"]) == (422, {"field": field})
    assert len(users("GET").json()["data"]) == 1
    assert place.emulator.invitations == []


def test_a_body_that_is_no_json_is_refused(place):
    answer = place.send("POST", place.users_path, data=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["metadata"]) == (422, {"field": "body"})


def test_one_address_may_be_a_user_of_two_organizations(place):
    other = place.emulator.add_organization("Other")
    answer = place.send("POST", f"/api/organizations/{other.id}/users", {"email": "ada@acme.example"})
    assert answer.status_code == 200


def test_a_user_of_another_organization_is_not_found(place):
    other = place.emulator.add_organization("Other")
    auth = basic(other.id, place.emulator.partner_key)
    assert place.send("GET", f"/api/organizations/{other.id}/users/{place.user.id}").status_code == 404
    assert place.send("GET", f"/api/organization/users/{place.user.id}", auth=auth).status_code == 404
    assert place.send("GET", f"/api/organizations/{UNKNOWN}/users").status_code == 404


def test_only_the_current_organizations_reads_tell_of_harbors(place):
    own = basic(place.organization.id, place.emulator.partner_key)
    assert "harbor_only" in place.send("GET", f"/api/organization/users/{place.user.id}", auth=own).json()["data"]
    assert "harbor_only" not in place.send("GET", f"{place.users_path}/{place.user.id}").json()["data"]
