"""Whose keys does the emulator accept, in which form, and for what?"""

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


ENDPOINTS = {
    "me": ("GET", "/api/me", None),
    "organizations": ("GET", "/api/organizations", None),
    "users": ("GET", "/api/organizations/{org}/users", None),
    "mint": ("POST", "/api/organizations/{org}/users/{user}/keys", None),
    "own organization": ("GET", "/api/organization", None),
    "own users": ("GET", "/api/organization/users", None),
    "new own user": ("POST", "/api/organization/users", {"email": "new@acme.example"}),
    "roles": ("GET", "/api/permissions/roles", None),
    "new role": ("POST", "/api/permissions/roles", {"name": "Auditor"}),
}
WHOLE = dict.fromkeys(ENDPOINTS, 200) | dict.fromkeys(
    ("own organization", "own users", "new own user", "roles", "new role"), 403
)
SCOPED = dict.fromkeys(ENDPOINTS, 200) | {"organizations": 403}
ADMIN = SCOPED | {"users": 403, "mint": 403}
MEMBER = ADMIN | {"new own user": 403, "new role": 403}
FOREIGN = SCOPED | {"users": 403, "mint": 403}
RIGHTS = {
    "partner": WHOLE,
    "deployment": WHOLE,
    "organization:partner": SCOPED,
    "organization:deployment": SCOPED,
    "other organization:partner": FOREIGN,
    "admin": ADMIN,
    "user": MEMBER,
    "unknown organization:partner": dict.fromkeys(ENDPOINTS, 403),
    **{
        form: dict.fromkeys(ENDPOINTS, 401)
        for form in ("none", "unknown", "deployment as user name", "organization:user", "not base64", "another scheme")
    },
}


@pytest.mark.parametrize("form", RIGHTS)
def test_each_credential_opens_what_it_should_and_nothing_else(place, form):
    auth = credential(place, form)
    answered = {}
    for name, (method, path, body) in ENDPOINTS.items():
        url = path.format(org=place.organization.id, user=place.user.id)
        answered[name] = place.send(method, url, body, auth=auth).status_code
    assert answered == RIGHTS[form]


def test_a_cloud_server_has_no_deployment_key(make_place):
    place = make_place()
    assert place.emulator.deployment_key is None
    assert place.send("GET", "/api/me", auth=bearer(DEPLOYMENT_KEY)).status_code == 401


def test_a_revoked_key_is_unknown(place):
    key = place.emulator.give_key(place.user.id)
    assert place.me(key) == 200
    place.emulator.revoke(key)
    assert place.me(key) == 401
    assert place.emulator.keys_of(place.user.id) == []


def test_the_partner_key_can_be_revoked_too(place):
    place.emulator.revoke(place.emulator.partner_key)
    assert place.mint().status_code == 401


def test_a_revocation_may_take_its_time(make_place, clock):
    place = make_place(revocation_delay=30.0, clock=clock)
    key = place.emulator.give_key(place.user.id)
    place.emulator.revoke(key)
    assert place.me(key) == 200
    assert place.emulator.keys_of(place.user.id) == []
    clock.now = 30.0
    assert place.me(key) == 401


def test_a_deleted_users_key_is_unknown_at_once(make_place):
    place = make_place(revocation_delay=30.0)
    key = place.emulator.give_key(place.user.id)
    place.send("DELETE", f"{place.users_path}/{place.user.id}")
    assert place.me(key) == 401


def test_revoking_what_never_was_is_an_error_that_shows_no_key(place):
    with pytest.raises(KeyError) as caught:
        place.emulator.revoke("pk_live_mistyped")
    assert "mistyped" not in str(caught.value)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            "user",
            {
                "is_user": True,
                "is_partner": False,
                "email": "ada@acme.example",
                "role": "user",
                "organization_name": "Acme",
            },
        ),
        ("admin", {"is_user": True, "email": "root@acme.example", "role": "admin"}),
        ("partner", {"is_user": False, "is_partner": True, "organization_name": "Emulated Partner"}),
        ("organization:partner", {"is_user": False, "is_partner": True, "organization_name": "Acme"}),
        ("deployment", {"is_user": False, "is_partner": True}),
    ],
)
def test_the_identity_says_who_is_calling(place, form, expected):
    identity = place.send("GET", "/api/me", auth=credential(place, form)).json()["data"]
    assert expected.items() <= identity.items()
    assert ("id" in identity) == identity["is_user"]
