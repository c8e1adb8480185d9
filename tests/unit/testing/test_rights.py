"""The rights of each user of an organization, and of the partner in each form."""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import DEPLOYMENT_KEY, basic, bearer

READS = {"organization", "list users", "get user", "list roles", "get role"}
CHANGES = {"create user", "update user", "delete user", "create role", "update role", "delete role"}
ALL = dict.fromkeys(READS | CHANGES, 200)


def answers(place, auth):
    """Send every request about an organization, and return the statuses."""
    scoped = basic(place.organization.id, place.emulator.partner_key)
    role = place.send("POST", "/api/permissions/roles", {"name": "Auditor"}, auth=scoped).json()["data"]["id"]
    victim = place.emulator.add_user(place.organization.id, "victim@acme.example").id
    users, roles = "/api/organization/users", "/api/permissions/roles"
    tries = {
        "organization": ("GET", "/api/organization", None),
        "list users": ("GET", users, None),
        "get user": ("GET", f"{users}/{victim}", None),
        "create user": ("POST", users, {"email": "new@acme.example"}),
        "update user": ("PUT", f"{users}/{victim}", {"role": "user"}),
        "delete user": ("DELETE", f"{users}/{victim}", None),
        "list roles": ("GET", roles, None),
        "get role": ("GET", f"{roles}/{role}", None),
        "create role": ("POST", roles, {"name": "Reader"}),
        "update role": ("PUT", f"{roles}/{role}", {"name": "Writer"}),
        "delete role": ("DELETE", f"{roles}/{role}", None),
    }
    return {name: place.send(*request, auth=auth).status_code for name, request in tries.items()}


@pytest.mark.parametrize(("role", "changes"), [("Admin", 200), ("Editor", 403), (None, 403)])
def test_of_an_organizations_users_only_admins_make_changes(place, role, changes):
    role_ids = [place.emulator.role_id(role)] if role else []
    caller = place.emulator.add_user(place.organization.id, "caller@acme.example", role_ids)
    assert answers(place, bearer(place.emulator.give_key(caller.id))) == ALL | dict.fromkeys(CHANGES, changes)


@pytest.mark.parametrize("kind", ["partner", "deployment"])
def test_the_partner_needs_the_form_that_names_the_organization(place, kind):
    key = place.emulator.partner_key if kind == "partner" else DEPLOYMENT_KEY
    assert answers(place, basic(place.organization.id, key)) == ALL


def test_a_bearer_key_of_the_partner_names_no_organization(place):
    assert answers(place, bearer(place.emulator.partner_key)) == dict.fromkeys(ALL, 403)


def test_whoever_may_not_is_told_so_before_the_body_is_looked_at(place):
    key = bearer(place.emulator.give_key(place.user.id))
    for method, path in [
        ("POST", "/api/permissions/roles"),
        ("POST", "/api/organization/users"),
        ("POST", place.users_path),
        ("POST", "/api/organizations"),
        ("PUT", f"/api/organizations/{place.organization.id}"),
    ]:
        assert place.send(method, path, {}, auth=key).status_code == 403


@pytest.mark.parametrize(("gone", "status"), [("deleted", 401), ("demoted", 403)])
def test_an_admin_may_do_it_to_itself_and_has_no_more_rights_then(place, gone, status):
    admin = place.emulator.add_user(place.organization.id, "root@acme.example", [place.emulator.role_id("Admin")])
    auth = bearer(place.emulator.give_key(admin.id))
    path = f"/api/organization/users/{admin.id}"
    request = ("DELETE", path, None) if gone == "deleted" else ("PUT", path, {"role": "user"})
    assert place.send(*request, auth=auth).status_code == 200
    assert place.send("POST", "/api/organization/users", {"email": "x@acme.example"}, auth=auth).status_code == status
