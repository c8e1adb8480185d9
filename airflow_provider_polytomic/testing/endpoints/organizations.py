"""Endpoints for organizations and for the caller's identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing.auth import Caller, current_organization, require_partner
from airflow_provider_polytomic.testing.responses import NOTHING
from airflow_provider_polytomic.testing.state import Organization, State

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.api_request import ApiRequest

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


def list_organizations(state: State, caller: Caller, _request: ApiRequest) -> object:
    """GET /api/organizations: for partners only."""
    require_partner(caller)
    return [_to_json(organization) for organization in state.organizations()]


def create_organization(state: State, caller: Caller, request: ApiRequest) -> object:
    """POST /api/organizations."""
    require_partner(caller)
    return _to_json(state.add_organization(_read_organization(request, "")))


def get_organization(state: State, caller: Caller, request: ApiRequest) -> object:
    """GET /api/organizations/{id}."""
    require_partner(caller)
    return _to_json(state.organization(request.ids["id"]))


def update_organization(state: State, caller: Caller, request: ApiRequest) -> object:
    """PUT /api/organizations/{id}: replaces everything except the id, and clears what is missing."""
    require_partner(caller)
    return _to_json(state.put_organization(_read_organization(request, state.organization(request.ids["id"]).id)))


def delete_organization(state: State, caller: Caller, request: ApiRequest) -> object:
    """DELETE /api/organizations/{id}: rejects the partner's own; a success has no body."""
    require_partner(caller)
    state.delete_organization(request.ids["id"])
    return NOTHING


def get_current_organization(_state: State, caller: Caller, _request: ApiRequest) -> object:
    """GET /api/organization: the organization that the credential implies."""
    return _to_json(current_organization(caller))


def get_identity(state: State, caller: Caller, _request: ApiRequest) -> object:
    """GET /api/me: for every kind of key; ``id`` is missing unless the caller is a user.

    That a deployment key counts as a partner is inferred from "same privileges as partner key".
    """
    organization = caller.organization or (state.owner if caller.kind == "partner" else None)
    identity: dict[str, Any] = {
        "is_user": caller.user is not None,
        "is_organization": False,
        "is_partner": caller.user is None,
        "is_system": False,
    }
    if organization is not None:
        identity |= {"organization_id": organization.id, "organization_name": organization.name}
    if caller.user is not None:
        role = "admin" if state.is_admin(caller.user) else "user"
        identity |= {"id": caller.user.id, "email": caller.user.email, "role": role}
    return identity


def _read_organization(request: ApiRequest, organization_id: str) -> Organization:
    settings = {name: request.optional_string(name) for name in _SETTINGS}
    return Organization(organization_id, request.required_string("name"), **settings)


def _to_json(organization: Organization) -> dict[str, Any]:
    return {name: getattr(organization, name) for name in ("id", "name", *_SETTINGS)}
