"""The emulator reports what it received, its responses, and what exists."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_polytomic.testing import RefusalError
from tests.unit.testing.conftest import bearer


def test_a_request_is_kept_as_it_arrived(place):
    headers = {"Idempotency-Key": "user-0001", "X-Odd": "yes"}
    place.send("POST", place.users_path, {"email": "b@acme.example"}, headers=headers)
    (request,) = place.emulator.requests
    assert (request.method, request.path, request.query) == ("POST", place.users_path, {})
    assert request.body == b'{"email": "b@acme.example"}'
    assert request.headers["authorization"] == bearer(place.emulator.partner_key)
    assert request.headers["x-odd"] == "yes"
    assert (request.status, request.idempotency_key, request.endpoint) == (200, "user-0001", "create_user")
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.status = 500


def test_requests_are_looked_up_by_endpoint_the_refused_ones_too(place):
    place.mint(force=True)
    place.send("GET", "/api/me", auth="Bearer unknown")
    place.send("GET", "/api/nothing")
    place.send("PATCH", "/api/me")
    received = {name: place.emulator.received(name) for name in ("create_api_key", "get_identity", "unknown")}
    assert {name: [request.status for request in requests] for name, requests in received.items()} == {
        "create_api_key": [200],
        "get_identity": [401],
        "unknown": [404, 405],
    }
    assert place.emulator.counts() == {"create_api_key": 1, "get_identity": 1, "unknown": 2}
    (minting,) = received["create_api_key"]
    assert (minting.query, minting.idempotency_key) == ({"force": "true"}, None)
    place.emulator.requests.append("nonsense")  # a copy
    assert len(place.emulator.requests) == 4


def test_what_exists_can_be_looked_at(place):
    settings = {"issuer": "https://idp.example", "sso_domain": "beta.example", "sso_org_id": "org_1"}
    place.send("POST", "/api/organizations", {"name": "Beta", **settings})
    names = [organization.name for organization in place.emulator.organizations()]
    assert names == [place.emulator.owner.name, "Acme", "Beta"]
    assert settings.items() <= dataclasses.asdict(place.emulator.organizations()[-1]).items()
    roles = [place.emulator.role_id(name) for name in ("Viewer", "Admin")]
    grace = place.emulator.add_user(place.organization.id, "Grace@acme.example", roles)
    assert place.emulator.users_of(place.organization.id) == [place.user, grace]
    assert (place.emulator.roles_of(grace.id), place.emulator.roles_of(place.user.id)) == (["Admin", "Viewer"], [])
    assert place.emulator.invitations == []


def test_what_does_not_exist_is_refused(place):
    for lookup in (
        lambda: place.emulator.add_user(place.organization.id, "x@acme.example", ["no such role"]),
        lambda: place.emulator.roles_of("nobody"),
        lambda: place.emulator.role_id("Emperor"),
    ):
        with pytest.raises(RefusalError) as caught:
            lookup()
        assert caught.value.status == 404
