"""Does the emulator tell what it received and answered?"""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.testing.conftest import bearer


def test_a_request_is_kept_as_it_arrived(place):
    place.send(
        "POST", place.users_path, {"email": "b@acme.example"}, headers={"Idempotency-Key": "user-0001", "X-Odd": "yes"}
    )
    (request,) = place.emulator.requests
    assert (request.method, request.path, request.query) == ("POST", place.users_path, {})
    assert request.body == b'{"email": "b@acme.example"}'
    assert request.headers["authorization"] == bearer(place.emulator.partner_key)
    assert request.headers["x-odd"] == "yes"
    assert (request.status, request.idempotency_key, request.endpoint) == (200, "user-0001", "create_user")
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.status = 500


def test_the_query_is_decoded(place):
    place.mint(force=True)
    assert place.emulator.requests[0].query == {"force": "true"}
    assert place.emulator.requests[0].idempotency_key is None


def test_requests_can_be_looked_up_by_endpoint(place):
    place.send("GET", "/api/me")
    place.mint()
    place.send("GET", "/api/nothing")
    place.send("PATCH", "/api/me")
    assert [request.endpoint for request in place.emulator.requests] == [
        "get_identity",
        "create_api_key",
        "unknown",
        "unknown",
    ]
    assert [request.status for request in place.emulator.received("create_api_key")] == [200]
    assert [request.status for request in place.emulator.received("unknown")] == [404, 405]


def test_a_list_of_requests_is_a_copy(place):
    place.emulator.requests.append("nonsense")
    assert place.emulator.requests == []


def test_refused_requests_are_kept_too(place):
    place.send("GET", "/api/me", auth="Bearer unknown")
    assert [request.status for request in place.emulator.received("get_identity")] == [401]
