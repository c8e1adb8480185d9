"""The official SDK creates keys with the emulator and reads their owners."""

from __future__ import annotations

import httpx
import pytest
from polytomic.core.api_error import ApiError


def test_a_key_is_created_and_works(partner, sdk, emulator, organization, user):
    key = partner.users.create_api_key(organization.id, user.id).data.value
    assert key == emulator.live_key(user.id)
    me = sdk(key).identity.get().data
    assert (me.id, me.email, me.organization_id, me.organization_name) == (user.id, user.email, organization.id, "Acme")
    assert (me.is_user, me.is_partner, me.is_organization, me.is_system) == (True, False, False, False)


@pytest.mark.parametrize(("force", "live"), [(True, 1), (False, 2), (None, 2)])
def test_force_revokes_first(partner, emulator, user, force, live):
    emulator.give_key(user.id)
    created = partner.users.create_api_key(user.organization_id, user.id, force=force)
    assert len(emulator.keys_of(user.id)) == live
    assert emulator.keys_of(user.id)[-1] == created.data.value


def test_an_idempotency_key_replays(partner, emulator, organization, user):
    created = [
        partner.users.create_api_key(organization.id, user.id, force=True, idempotency_key="issuance-0001").data.value
        for _ in range(2)
    ]
    assert created == [emulator.live_key(user.id)] * 2
    assert [request.idempotency_key for request in emulator.received("create_api_key")] == ["issuance-0001"] * 2


def test_the_identity_of_a_partner(partner, inside, emulator, organization):
    whole, scoped = partner.identity.get().data, inside.identity.get().data
    assert (whole.is_partner, whole.id, whole.organization_id) == (True, None, emulator.owner.id)
    assert (scoped.is_partner, scoped.organization_id) == (True, organization.id)


@pytest.mark.parametrize("status", [401, 409, 422, 429, 503])
def test_unlisted_errors_are_generic(partner, emulator, organization, user, status):
    emulator.inject(f"status:{status}")
    with pytest.raises(ApiError) as caught:
        partner.users.create_api_key(organization.id, user.id)
    assert (type(caught.value), caught.value.status_code, caught.value.body["status"]) == (ApiError, status, status)


def test_broken_responses_reach_the_sdk_unchanged(partner, emulator, organization, user):
    emulator.inject("not_json")
    emulator.inject("drop when=after")
    emulator.inject("truncated")
    with pytest.raises(ApiError, match="Please sign in"):
        partner.users.create_api_key(organization.id, user.id)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            partner.users.create_api_key(organization.id, user.id)
    assert emulator.minted() == 2


def test_every_response_names_its_api_version(partner):
    response = partner.identity.with_raw_response.get()
    assert response.headers["x-polytomic-version"] == "2025-09-18"
