"""What do the endpoints for permissions roles do?

They answer 400 to a bad body, not 422, as their documented errors say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing.auth import Caller, current_organization, managed_organization
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.responses import NOTHING

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.api_request import Call
    from airflow_provider_polytomic.testing.state import Role, World

__all__ = ["create_role", "delete_role", "get_role", "list_roles", "update_role"]


def list_roles(world: World, caller: Caller, _call: Call) -> object:
    """GET /api/permissions/roles: the system roles and those of the organization."""
    return [_shown(role) for role in world.roles_of(current_organization(caller).id)]


def create_role(world: World, caller: Caller, call: Call) -> object:
    """POST /api/permissions/roles."""
    organization_id = _organization_id(world, caller, call)
    return _shown(world.put_role(None, call.text("name", refusal=400), organization_id))


def get_role(world: World, caller: Caller, call: Call) -> object:
    """GET /api/permissions/roles/{id}."""
    return _shown(world.role(call.ids["id"], current_organization(caller).id))


def update_role(world: World, caller: Caller, call: Call) -> object:
    """PUT /api/permissions/roles/{id}: renames it; system roles are fixed."""
    organization_id = _organization_id(world, caller, call)
    role = _changeable(world, call, organization_id)
    return _shown(world.put_role(role.id, call.text("name", refusal=400), organization_id))


def delete_role(world: World, caller: Caller, call: Call) -> object:
    """DELETE /api/permissions/roles/{id}: a success has no body."""
    world.delete_role(_changeable(world, call, managed_organization(world, caller).id).id)
    return NOTHING


def _organization_id(world: World, caller: Caller, call: Call) -> str:
    own = managed_organization(world, caller).id
    if call.optional_text("organization_id", refusal=400) not in {None, own}:
        raise RefusalError(403, "the role would belong to another organization")
    return own


def _changeable(world: World, call: Call, organization_id: str) -> Role:
    role = world.role(call.ids["id"], organization_id)
    if role.system:
        raise RefusalError(403, "a system role cannot be changed")
    return role


def _shown(role: Role) -> dict[str, Any]:
    return {"id": role.id, "name": role.name, "organization_id": role.organization_id, "system": role.system}
