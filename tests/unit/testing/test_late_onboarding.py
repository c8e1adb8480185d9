"""Users and organizations that are created late are created once, and invited once."""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import basic

KEY = "onboarding-0001"
BODY = {"create_organization": {"name": "New"}}
TAKEN = {"create_organization": 409}


@pytest.fixture(params=["create_user", "create_current_org_user", "create_organization"])
def endpoint(request, place):
    place.emulator.inject(f"late endpoint={request.param}")
    return request.param


@pytest.fixture
def post(place, endpoint):
    paths = {
        "create_user": place.users_path,
        "create_current_org_user": "/api/organization/users",
        "create_organization": "/api/organizations",
    }
    auth = basic(place.organization.id, place.emulator.partner_key) if endpoint == "create_current_org_user" else None

    def post_once(key=KEY):
        body = BODY.get(endpoint, {"email": "new@acme.example"})
        headers = {"Idempotency-Key": key} if key else {}
        return place.send("POST", paths[endpoint], body, auth=auth, headers=headers).status_code

    return post_once


@pytest.fixture
def made(place, endpoint):
    """Return the numbers of organizations and users, after checking that each user was invited once."""

    def count():
        if endpoint == "create_organization":
            return [organization.name for organization in place.emulator.organizations()].count("New")
        users = [user.email for user in place.emulator.users_of(place.organization.id)].count("new@acme.example")
        assert len(place.emulator.invitations) == users
        return users

    return count


def test_it_is_in_flight_until_it_is_released(place, post, made):
    assert (post(), post(), made()) == (504, 409, 0)
    place.emulator.release()
    assert (made(), post(), made()) == (1, 200, 1)


@pytest.mark.parametrize("key", ["onboarding-0002", None])
def test_whoever_comes_first_makes_it_and_the_other_is_told_that_it_is_taken(place, post, made, endpoint, *, key):
    assert (post(), made()) == (504, 0)
    assert (post(key), made()) == (200, 1)
    place.emulator.release()
    assert (made(), post(), post("onboarding-0003")) == (1, *[TAKEN.get(endpoint, 422)] * 2)


def test_a_user_that_comes_after_its_organization_has_gone_is_not_made(place):
    place.emulator.inject("late endpoint=create_user")
    user, headers = {"email": "new@acme.example"}, {"Idempotency-Key": KEY}
    place.send("POST", place.users_path, user, headers=headers)
    place.send("DELETE", f"/api/organizations/{place.organization.id}")
    place.emulator.release()
    assert place.send("POST", place.users_path, user, headers=headers).status_code == 404
    assert place.emulator.invitations == []
