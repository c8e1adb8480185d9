"""Are users and organizations that are created late made once, invited once, and in flight until then?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.unit.testing.conftest import basic

if TYPE_CHECKING:
    import requests

    from tests.unit.testing.conftest import Place

KEY = "onboarding-0001"


@dataclass
class Creation:
    """One way to create a thing, and how many of its name there are."""

    place: Place
    endpoint: str

    def post(self, key: str | None = KEY) -> requests.Response:
        emulator, org_id = self.place.emulator, self.place.organization.id
        path, body, auth = {
            "create_user": (self.place.users_path, {"email": "new@acme.example"}, None),
            "create_current_org_user": (
                "/api/organization/users",
                {"email": "new@acme.example"},
                basic(org_id, emulator.partner_key),
            ),
            "create_organization": ("/api/organizations", {"name": "New"}, None),
        }[self.endpoint]
        headers = {"Idempotency-Key": key} if key else {}
        return self.place.send("POST", path, body, auth=auth, headers=headers)

    @property
    def taken(self) -> int:
        return 409 if self.endpoint == "create_organization" else 422

    def made(self) -> int:
        emulator = self.place.emulator
        if self.endpoint == "create_organization":
            return [organization.name for organization in emulator.organizations()].count("New")
        made = [user.email for user in emulator.users_of(self.place.organization.id)].count("new@acme.example")
        assert [invitation.email for invitation in emulator.invitations] == ["new@acme.example"] * made
        return made


@pytest.fixture(params=["create_user", "create_current_org_user", "create_organization"])
def endpoint(request):
    return request.param


@pytest.fixture
def creation(place, endpoint) -> Creation:
    place.emulator.inject(f"late endpoint={endpoint}")
    return Creation(place, endpoint)


def test_it_is_in_flight_until_it_is_released(creation):
    assert (creation.post().status_code, creation.made()) == (504, 0)
    refused = creation.post()
    assert (refused.status_code, "in flight" in refused.json()["message"], creation.made()) == (409, True, 0)
    creation.place.emulator.release()
    assert creation.made() == 1
    assert (creation.post().status_code, creation.made()) == (200, 1)


def test_it_comes_after_its_time(make_place, clock, endpoint):
    creation = Creation(make_place(clock=clock), endpoint)
    creation.place.emulator.inject(f"late:10 endpoint={endpoint}")
    assert creation.post().status_code == 504
    clock.now = 9.0
    assert (creation.post().status_code, creation.made()) == (409, 0)
    clock.now = 10.0
    assert creation.made() == 1


def test_a_look_up_meanwhile_does_not_see_it_and_another_key_may_be_first(creation):
    creation.post()
    assert creation.post("onboarding-0002").status_code == 200
    creation.place.emulator.release()
    assert creation.made() == 1
    late = creation.post()
    assert (late.status_code, "already exists" in late.json()["message"]) == (creation.taken, True)


def test_whoever_comes_second_is_told_that_it_is_taken(creation):
    creation.post()
    creation.place.emulator.release()
    refused = creation.post("onboarding-0002")
    assert (refused.status_code, "already exists" in refused.json()["message"]) == (creation.taken, True)
    assert creation.made() == 1


def test_without_an_idempotency_key_it_comes_once_too(creation):
    creation.post(None)
    assert creation.post(None).status_code == 200
    creation.place.emulator.release()
    assert creation.made() == 1


def test_a_user_that_comes_after_its_organization_has_gone_is_not_made(place):
    place.emulator.inject("late endpoint=create_user")
    creation = Creation(place, "create_user")
    creation.post()
    place.send("DELETE", f"/api/organizations/{place.organization.id}")
    place.emulator.release()
    assert (creation.made(), creation.post().status_code) == (0, 404)
