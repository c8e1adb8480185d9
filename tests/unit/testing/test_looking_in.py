"""Does the emulator tell a test what exists, in words the API does not have?"""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.testing import RefusalError


def test_organizations_come_with_all_that_was_sent(place):
    settings = {"issuer": "https://idp.example", "sso_domain": "beta.example", "sso_org_id": "org_1"}
    place.send("POST", "/api/organizations", {"name": "Beta", **settings})
    assert [organization.name for organization in place.emulator.organizations()] == [
        place.emulator.owner.name,
        "Acme",
        "Beta",
    ]
    beta = place.emulator.organizations()[-1]
    assert {name: getattr(beta, name) for name in settings} == settings


def test_users_and_their_roles(place):
    roles = [place.emulator.role_id(name) for name in ("Viewer", "Admin")]
    grace = place.emulator.add_user(place.organization.id, "Grace@acme.example", roles)
    assert place.emulator.users_of(place.organization.id) == [place.user, grace]
    assert place.emulator.roles_of(grace.id) == ["Admin", "Viewer"]
    assert place.emulator.roles_of(place.user.id) == []
    place.send("DELETE", f"/api/organizations/{place.organization.id}")
    assert place.emulator.users_of(place.organization.id) == []


def test_a_user_made_by_hand_needs_roles_that_exist_and_is_not_invited(place):
    with pytest.raises(RefusalError) as caught:
        place.emulator.add_user(place.organization.id, "x@acme.example", ["no such role"])
    assert caught.value.status == 404
    place.emulator.add_user(place.organization.id, "y@acme.example", [place.emulator.role_id("Viewer")])
    assert [user.email for user in place.emulator.users_of(place.organization.id)] == [
        "ada@acme.example",
        "y@acme.example",
    ]
    assert place.emulator.invitations == []


def test_requests_are_counted_by_endpoint(place):
    assert place.emulator.counts() == {}
    place.mint()
    place.mint()
    place.send("GET", "/api/me", auth="Bearer unknown")
    place.send("GET", "/api/nothing")
    assert place.emulator.counts() == {"create_api_key": 2, "get_identity": 1, "unknown": 1}
