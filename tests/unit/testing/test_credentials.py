"""The keys that the emulator accepts, in which form, and for what."""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import DEPLOYMENT_KEY, Place, basic, bearer

NOBODY = "00000000-0000-4000-8000-000000000000"


def credential(place: Place, name: str) -> str:
    emulator, organization = place.emulator, place.organization
    forms = {
        "partner": lambda: bearer(emulator.partner_key),
        "deployment": lambda: bearer(DEPLOYMENT_KEY),
        "organization:partner": lambda: basic(organization.id, emulator.partner_key),
        "organization:deployment": lambda: basic(organization.id, DEPLOYMENT_KEY),
        "user": lambda: bearer(emulator.give_key(place.user.id)),
        "admin": lambda: bearer(emulator.give_key(_admin(place))),
        "other organization:partner": lambda: basic(emulator.add_organization("Other").id, emulator.partner_key),
        "none": lambda: "",
        "unknown": lambda: bearer("pk_live_unknown"),
        "deployment as user name": lambda: basic(DEPLOYMENT_KEY),
        "organization:user": lambda: basic(organization.id, emulator.give_key(place.user.id)),
        "not base64": lambda: "Basic ***",
        "another scheme": lambda: f"Token {emulator.partner_key}",
        "unknown organization:partner": lambda: basic(NOBODY, emulator.partner_key),
    }
    return forms[name]()


def _admin(place: Place) -> str:
    emulator = place.emulator
    return emulator.add_user(place.organization.id, "root@acme.example", [emulator.role_id("admin")]).id


# Statuses for each form: identity, all organizations, the users of one of them, and the own organization.
PATHS = ("/api/me", "/api/organizations", "/api/organizations/{org}/users", "/api/organization")
RIGHTS = {
    "partner": (200, 200, 200, 403),
    "deployment": (200, 200, 200, 403),
    "organization:partner": (200, 403, 200, 200),
    "organization:deployment": (200, 403, 200, 200),
    "other organization:partner": (200, 403, 403, 200),
    "admin": (200, 403, 403, 200),
    "user": (200, 403, 403, 200),
    "unknown organization:partner": (403,) * 4,
    "none": (401,) * 4,
    "unknown": (401,) * 4,
    "deployment as user name": (401,) * 4,
    "organization:user": (401,) * 4,
    "not base64": (401,) * 4,
    "another scheme": (401,) * 4,
}


@pytest.mark.parametrize("form", RIGHTS)
def test_each_credential_opens_what_it_should_and_nothing_else(place, form):
    auth, org_id = credential(place, form), place.organization.id
    answered = tuple(place.send("GET", path.format(org=org_id), auth=auth).status_code for path in PATHS)
    assert answered == RIGHTS[form]
    assert place.mint(auth=auth).status_code == answered[2]  # as the users of that organization


def test_a_cloud_server_has_no_deployment_key(make_place):
    place = make_place()
    assert place.emulator.deployment_key is None
    assert place.send("GET", "/api/me", auth=bearer(DEPLOYMENT_KEY)).status_code == 401


def test_a_revoked_key_is_unknown_and_so_is_a_deleted_users(place):
    revoked, orphaned = (place.emulator.give_key(place.user.id) for _ in range(2))
    assert place.me(revoked) == 200
    place.emulator.revoke(revoked)
    assert (place.me(revoked), place.emulator.keys_of(place.user.id)) == (401, [orphaned])
    place.send("DELETE", f"{place.users_path}/{place.user.id}")
    assert place.me(orphaned) == 401
    place.emulator.revoke(place.emulator.partner_key)
    assert place.mint().status_code == 401
    with pytest.raises(KeyError) as caught:
        place.emulator.revoke("pk_live_mistyped")
    assert "mistyped" not in str(caught.value)


def test_a_revocation_may_take_its_time_but_a_deletion_does_not(make_place, clock):
    place = make_place(revocation_delay=30.0, clock=clock)
    key, orphaned = (place.emulator.give_key(place.user.id) for _ in range(2))
    place.emulator.revoke(key)
    assert (place.me(key), place.emulator.keys_of(place.user.id)) == (200, [orphaned])
    clock.now = 30.0
    assert place.me(key) == 401
    place.send("DELETE", f"{place.users_path}/{place.user.id}")
    assert place.me(orphaned) == 401


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("user", {"is_user": True, "is_partner": False, "email": "ada@acme.example", "role": "user"}),
        ("admin", {"is_user": True, "email": "root@acme.example", "role": "admin", "organization_name": "Acme"}),
        ("partner", {"is_user": False, "is_partner": True, "organization_name": "Emulated Partner"}),
        ("organization:partner", {"is_user": False, "is_partner": True, "organization_name": "Acme"}),
        ("deployment", {"is_user": False, "is_partner": True}),
    ],
)
def test_the_identity_says_who_is_calling(place, form, expected):
    identity = place.send("GET", "/api/me", auth=credential(place, form)).json()["data"]
    assert expected.items() <= identity.items()
    assert ("id" in identity) == identity["is_user"]
