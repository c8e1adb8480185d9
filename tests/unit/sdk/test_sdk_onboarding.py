"""The official SDK onboards a customer with the emulator: organization, user with a role, key, first call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from polytomic.errors import ConflictError, UnauthorizedError, UnprocessableEntityError

from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from polytomic import Polytomic


NAME, EMAIL, ROLE = "Acme", "Ada@Acme.example", "Sync Editor"


@pytest.fixture
def onboard(scoped: Callable[[str], Polytomic], partner: Polytomic) -> Callable[..., str]:
    """Return a function that onboards a customer and returns the key; ``repeat`` sends each POST."""

    def do(repeat: Callable[..., Any] = lambda call, **named: call(**named)) -> str:
        organization = repeat(partner.organization.create, name=NAME, sso_domain="acme.example")
        org_id = organization.data.id
        role = next(role for role in scoped(org_id).permissions.roles.list().data if role.name == ROLE)
        user = repeat(partner.users.create, org_id=org_id, email=EMAIL, role_ids=[role.id])
        key: str = repeat(partner.users.create_api_key, org_id=org_id, id=user.data.id).data.value
        return key

    return do


EXPECTED = onboarded(NAME, EMAIL, [ROLE], sso_domain="acme.example")


def test_a_customer_is_onboarded(emulator, onboard, partner, sdk):
    assert state_of(emulator, NAME) == {"organizations": []}
    key = onboard()
    me = sdk(key).identity.get().data
    assert (me.email, me.organization_name, me.is_user) == (EMAIL.lower(), NAME, True)
    assert state_of(emulator, NAME) == EXPECTED
    assert emulator.counts() == {
        "create_organization": 1,
        "list_roles": 1,
        "create_user": 1,
        "create_api_key": 1,
        "get_identity": 1,
    }


@pytest.mark.parametrize("fault", ["drop", "drop when=after", "truncated"])
def test_a_lost_response_changes_nothing_if_the_request_is_repeated_with_its_idempotency_key(
    emulator, onboard, partner, sdk, fault
):
    def repeat(call, **named):
        key = f"onboarding-{call.__qualname__.replace('.', '-')}"
        with pytest.raises(httpx.RemoteProtocolError):
            call(**named, idempotency_key=key)
        return call(**named, idempotency_key=key)

    for endpoint in ("create_organization", "create_user", "create_api_key"):
        emulator.inject(f"{fault} endpoint={endpoint}")
    key = onboard(repeat)
    assert sdk(key).identity.get().data.email == EMAIL.lower()
    assert state_of(emulator, NAME) == EXPECTED


def test_without_an_idempotency_key_a_lost_response_leads_to_a_conflict_or_a_duplicate(emulator, partner):
    emulator.inject("drop endpoint=create_organization when=after")
    emulator.inject("drop endpoint=create_user when=after")
    emulator.inject("drop endpoint=create_api_key when=after")
    with pytest.raises(httpx.RemoteProtocolError):
        partner.organization.create(name=NAME)
    with pytest.raises(ConflictError):
        partner.organization.create(name=NAME)
    org_id = emulator.organizations()[-1].id
    with pytest.raises(httpx.RemoteProtocolError):
        partner.users.create(org_id, email=EMAIL)
    with pytest.raises(UnprocessableEntityError):
        partner.users.create(org_id, email=EMAIL)
    (user,) = emulator.users_of(org_id)
    with pytest.raises(httpx.RemoteProtocolError):
        partner.users.create_api_key(org_id, user.id)
    partner.users.create_api_key(org_id, user.id)
    (ada,) = state_of(emulator, NAME)["organizations"][0]["users"]
    assert (ada["invitations"], ada["minted"], ada["live_keys"]) == (1, 2, 2)


def test_a_customer_is_offboarded(emulator, onboard, partner, sdk):
    key = onboard()
    org_id = emulator.organizations()[-1].id
    (user,) = partner.users.list(org_id).data
    partner.users.delete(org_id, user.id)
    with pytest.raises(UnauthorizedError):
        sdk(key).identity.get()
    assert state_of(emulator, NAME)["organizations"][0]["users"] == []
    partner.organization.delete(org_id)
    assert state_of(emulator, NAME) == {"organizations": []}
