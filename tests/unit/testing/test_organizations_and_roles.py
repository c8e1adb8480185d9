"""The emulator's organizations and roles."""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import basic

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_the_owner_is_listed_first(place):
    names = [o["name"] for o in place.send("GET", "/api/organizations").json()["data"]]
    assert names == [place.emulator.owner.name, "Acme"]


def test_an_organization_is_created_read_and_deleted(place):
    created = place.send("POST", "/api/organizations", {"name": "Beta", "issuer": "https://idp"}).json()["data"]
    assert created == {
        "id": created["id"],
        "name": "Beta",
        "issuer": "https://idp",
        "sso_domain": None,
        "sso_org_id": None,
    }
    path = f"/api/organizations/{created['id']}"
    assert place.send("GET", path).json()["data"] == created
    deleted = place.send("DELETE", path)
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert place.send("GET", path).status_code == 404


def test_an_update_clears_what_it_does_not_name_and_may_keep_the_name(place):
    path = f"/api/organizations/{place.organization.id}"
    place.send("PUT", path, {"name": "Acme", "sso_domain": "acme.example"})
    assert place.send("PUT", path, {"name": "Acme"}).json()["data"]["sso_domain"] is None


def test_deleting_an_organization_revokes_the_keys_of_its_users(place):
    key = place.emulator.give_key(place.user.id)
    place.send("DELETE", f"/api/organizations/{place.organization.id}")
    assert (place.me(key), place.emulator.keys_of(place.user.id)) == (401, [])


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        (("POST", "/api/organizations", {"name": "Acme"}), 409, "name"),
        (("PUT", "/api/organizations/{owner}", {"name": "Acme"}), 409, "name"),
        (("POST", "/api/organizations", {}), 422, "name"),
        (("POST", "/api/organizations", {"name": " "}), 422, "name"),
        (("POST", "/api/organizations", {"name": 7}), 422, "name"),
        (("POST", "/api/organizations", {"name": "B", "issuer": 7}), 422, "issuer"),
        (("POST", "/api/organizations", ["name"]), 422, "body"),
        (("PUT", "/api/organizations/{org}", {"sso_domain": "x"}), 422, "name"),
        (("DELETE", "/api/organizations/{owner}", None), 403, None),
        (("GET", "/api/organizations/not-a-uuid", None), 404, None),
        (("PUT", f"/api/organizations/{UNKNOWN}", {"name": "C"}), 404, None),
        (("DELETE", f"/api/organizations/{UNKNOWN}", None), 404, None),
        (("GET", "/api/nothing/here", None), 404, None),
    ],
)
def test_a_refusal_names_the_field(place, sent, status, field):
    method, path, body = sent
    answer = place.send(method, path.format(owner=place.emulator.owner.id, org=place.organization.id), body)
    assert answer.status_code == status
    error = answer.json()
    assert error["status"] == status
    assert error["metadata"].get("field") == field


@pytest.mark.parametrize("existing_name", [409, 422])
def test_what_a_taken_name_is_answered_can_be_chosen(make_place, existing_name):
    place = make_place(existing_name=existing_name)
    for method, path in (("POST", "/api/organizations"), ("PUT", f"/api/organizations/{place.emulator.owner.id}")):
        answer = place.send(method, path, {"name": "Acme"})
        assert (answer.status_code, answer.json()["metadata"]) == (existing_name, {"field": "name"})
    assert [organization.name for organization in place.emulator.organizations()] == ["Emulated Partner", "Acme"]


class TestRoles:
    @pytest.fixture
    def send(self, place):
        def send(method, path, body=None):
            return place.send(method, path, body, auth=basic(place.organization.id, place.emulator.partner_key))

        return send

    def test_system_roles_are_there_from_the_start(self, send, place):
        roles = send("GET", "/api/permissions/roles").json()["data"]
        assert {role["name"] for role in roles} == {"Admin", "Editor", "Sync Editor", "Viewer"}
        assert all(role["system"] and role["organization_id"] is None for role in roles)
        assert place.emulator.role_id("admin") in {role["id"] for role in roles}

    def test_a_role_is_created_renamed_given_and_deleted(self, send, place):
        role = send("POST", "/api/permissions/roles", {"name": "Auditor"}).json()["data"]
        assert role == {"id": role["id"], "name": "Auditor", "organization_id": place.organization.id, "system": False}
        path = f"/api/permissions/roles/{role['id']}"
        assert send("PUT", path, {"name": "Reader"}).json()["data"]["name"] == "Reader"
        user = f"/api/organization/users/{place.user.id}"
        assert send("PUT", user, {"role_ids": [role["id"]]}).json()["data"]["role_ids"] == [role["id"]]
        assert (send("DELETE", path).status_code, send("GET", path).status_code) == (200, 404)
        assert send("GET", user).json()["data"]["role_ids"] is None

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (("POST", "", {}), 400),
            (("POST", "", {"name": "admin"}), 400),
            (("POST", "", {"name": "X", "organization_id": UNKNOWN}), 403),
            (("PUT", "/{admin}", {"name": "X"}), 403),
            (("DELETE", "/{admin}", None), 403),
            (("POST", "", ["name"]), 400),
            (("POST", "", {"name": 7}), 400),
            (("PUT", "/{own}", {}), 400),
            (("PUT", "/{own}", {"name": "VIEWER"}), 400),
            (("GET", f"/{UNKNOWN}", None), 404),
            (("PUT", f"/{UNKNOWN}", {"name": "X"}), 404),
            (("DELETE", f"/{UNKNOWN}", None), 404),
        ],
    )
    def test_what_is_refused(self, send, place, sent, status):
        method, path, body = sent
        own = send("POST", "/api/permissions/roles", {"name": "Auditor"}).json()["data"]["id"]
        path = "/api/permissions/roles" + path.format(admin=place.emulator.role_id("Admin"), own=own)
        assert send(method, path, body).status_code == status

    def test_a_role_is_of_one_organization_and_another_may_have_one_of_its_name(self, send, place):
        role = send("POST", "/api/permissions/roles", {"name": "Auditor"}).json()["data"]
        other = basic(place.emulator.add_organization("Other").id, place.emulator.partner_key)
        path = f"/api/permissions/roles/{role['id']}"
        for method, body in (("GET", None), ("PUT", {"name": "X"}), ("DELETE", None)):
            assert place.send(method, path, body, auth=other).status_code == 404
        assert role not in place.send("GET", "/api/permissions/roles", auth=other).json()["data"]
        assert place.send("POST", "/api/permissions/roles", {"name": "Auditor"}, auth=other).status_code == 200
        assert send("GET", path).json()["data"] == role

    def test_deleting_a_role_leaves_its_users_their_other_roles(self, send, place):
        role = send("POST", "/api/permissions/roles", {"name": "Auditor"}).json()["data"]["id"]
        user = place.emulator.add_user(
            place.organization.id, "grace@acme.example", [role, place.emulator.role_id("Viewer")]
        )
        assert place.emulator.roles_of(user.id) == ["Auditor", "Viewer"]
        send("DELETE", f"/api/permissions/roles/{role}")
        assert place.emulator.roles_of(user.id) == ["Viewer"]
