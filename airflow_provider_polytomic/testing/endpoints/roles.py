"""Endpoints for permissions roles.

They return 400 for an invalid body, not 422, as their documented errors say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing.auth import Caller, current_organization, managed_organization
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.responses import NOTHING

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.api_request import ApiRequest
    from airflow_provider_polytomic.testing.state import Role, State

__all__ = ["create_role", "delete_role", "get_role", "list_roles", "update_role"]


def list_roles(state: State, caller: Caller, _request: ApiRequest) -> object:
    """GET /api/permissions/roles: the system roles and those of the organization."""
    return [_to_json(role) for role in state.roles_of(current_organization(caller).id)]


def create_role(state: State, caller: Caller, request: ApiRequest) -> object:
    """POST /api/permissions/roles."""
    organization_id = _organization_id(state, caller, request)
    return _to_json(state.put_role(None, request.required_string("name", refusal=400), organization_id))


def get_role(state: State, caller: Caller, request: ApiRequest) -> object:
    """GET /api/permissions/roles/{id}."""
    return _to_json(state.role(request.ids["id"], current_organization(caller).id))


def update_role(state: State, caller: Caller, request: ApiRequest) -> object:
    """PUT /api/permissions/roles/{id}: renames it; system roles are fixed."""
    organization_id = _organization_id(state, caller, request)
    role = _require_changeable(state, request, organization_id)
    return _to_json(state.put_role(role.id, request.required_string("name", refusal=400), organization_id))


def delete_role(state: State, caller: Caller, request: ApiRequest) -> object:
    """DELETE /api/permissions/roles/{id}: a success has no body."""
    state.delete_role(_require_changeable(state, request, managed_organization(state, caller).id).id)
    return NOTHING


def _organization_id(state: State, caller: Caller, request: ApiRequest) -> str:
    own = managed_organization(state, caller).id
    if request.optional_string("organization_id", refusal=400) not in {None, own}:
        raise RefusalError(403, "the role would belong to another organization")
    return own


def _require_changeable(state: State, request: ApiRequest, organization_id: str) -> Role:
    role = state.role(request.ids["id"], organization_id)
    if role.system:
        raise RefusalError(403, "a system role cannot be changed")
    return role


def _to_json(role: Role) -> dict[str, Any]:
    return {"id": role.id, "name": role.name, "organization_id": role.organization_id, "system": role.system}
