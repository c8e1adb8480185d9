"""What do the organization endpoints and the identity endpoint do?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing.auth import Caller, current_organization, require_partner
from airflow_provider_polytomic.testing.responses import NOTHING
from airflow_provider_polytomic.testing.state import Organization, World

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.api_request import Call

__all__ = [
    "create_organization",
    "delete_organization",
    "get_current_organization",
    "get_identity",
    "get_organization",
    "list_organizations",
    "update_organization",
]

_SETTINGS = ("issuer", "sso_domain", "sso_org_id")


def list_organizations(world: World, caller: Caller, _call: Call) -> object:
    """GET /api/organizations: for partners only."""
    require_partner(caller)
    return [_shown(organization) for organization in world.organizations()]


def create_organization(world: World, caller: Caller, call: Call) -> object:
    """POST /api/organizations."""
    require_partner(caller)
    return _shown(world.add_organization(_described(call, "")))


def get_organization(world: World, caller: Caller, call: Call) -> object:
    """GET /api/organizations/{id}."""
    require_partner(caller)
    return _shown(world.organization(call.ids["id"]))


def update_organization(world: World, caller: Caller, call: Call) -> object:
    """PUT /api/organizations/{id}: everything but the id is replaced, and what is not given is cleared."""
    require_partner(caller)
    return _shown(world.put_organization(_described(call, world.organization(call.ids["id"]).id)))


def delete_organization(world: World, caller: Caller, call: Call) -> object:
    """DELETE /api/organizations/{id}: the partner's own is refused; a success has no body."""
    require_partner(caller)
    world.delete_organization(call.ids["id"])
    return NOTHING


def get_current_organization(_world: World, caller: Caller, _call: Call) -> object:
    """GET /api/organization: the one that the credential implies."""
    return _shown(current_organization(caller))


def get_identity(world: World, caller: Caller, _call: Call) -> object:
    """GET /api/me: for every kind of key; ``id`` is left out for callers that are no user.

    That a deployment key shows as a partner is inferred from "same privileges as partner key".
    """
    organization = caller.organization or (world.owner if caller.kind == "partner" else None)
    identity: dict[str, Any] = {
        "is_user": caller.user is not None,
        "is_organization": False,
        "is_partner": caller.user is None,
        "is_system": False,
    }
    if organization is not None:
        identity |= {"organization_id": organization.id, "organization_name": organization.name}
    if caller.user is not None:
        role = "admin" if world.is_admin(caller.user) else "user"
        identity |= {"id": caller.user.id, "email": caller.user.email, "role": role}
    return identity


def _described(call: Call, organization_id: str) -> Organization:
    settings = {name: call.optional_text(name) for name in _SETTINGS}
    return Organization(organization_id, call.text("name"), **settings)


def _shown(organization: Organization) -> dict[str, Any]:
    return {name: getattr(organization, name) for name in ("id", "name", *_SETTINGS)}
