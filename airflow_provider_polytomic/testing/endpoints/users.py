"""What do the user endpoints do, in the partner's paths and in those of the current organization?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing.auth import (
    Caller,
    current_organization,
    managed_organization,
    path_organization,
)
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.state import Invitation, Organization, User, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.testing.api_request import Call

__all__ = [
    "create_api_key",
    "create_current_org_user",
    "create_user",
    "delete_current_org_user",
    "delete_user",
    "get_current_org_user",
    "get_user",
    "list_current_org_users",
    "list_users",
    "update_current_org_user",
    "update_user",
]

# The deprecated `role` of a user, in the terms of today's roles.
_LEGACY_ROLES = {"admin": "Admin", "user": "Editor"}


def list_users(world: World, caller: Caller, call: Call) -> object:
    """GET /api/organizations/{org_id}/users: no pages; null when there are none, as the schema allows."""
    return [_shown(world, user) for user in world.users_of(path_organization(world, caller, call).id)] or None


def create_user(world: World, caller: Caller, call: Call) -> object:
    """POST /api/organizations/{org_id}/users: sends an invitation."""
    return _created(world, path_organization(world, caller, call), call)


def get_user(world: World, caller: Caller, call: Call) -> object:
    """GET /api/organizations/{org_id}/users/{id}."""
    return _shown(world, _user_in_path(world, caller, call))


def update_user(world: World, caller: Caller, call: Call) -> object:
    """PUT /api/organizations/{org_id}/users/{id}: the e-mail address is required and not changed."""
    user = _user_in_path(world, caller, call)
    _email(call)
    return _updated(world, user, call)


def delete_user(world: World, caller: Caller, call: Call) -> object:
    """DELETE /api/organizations/{org_id}/users/{id}: answers the user that was."""
    return _deleted(world, _user_in_path(world, caller, call))


def create_api_key(world: World, caller: Caller, call: Call) -> object:
    """POST /api/organizations/{org_id}/users/{id}/keys: ``force`` revokes first."""
    user = _user_in_path(world, caller, call)
    call.body()
    if call.flag("force"):
        world.keys.revoke_all_of(user.id)
    elif world.existing_key != "second_key" and world.keys.live(user.id):
        raise RefusalError(world.existing_key, "the user has an API key; force=true revokes it and creates another")
    return {"value": world.keys.add(None, "user", user.id, minted=True)}


def list_current_org_users(world: World, caller: Caller, _call: Call) -> object:
    """GET /api/organization/users."""
    return [_shown_with_harbors(world, user) for user in world.users_of(current_organization(caller).id)] or None


def create_current_org_user(world: World, caller: Caller, call: Call) -> object:
    """POST /api/organization/users."""
    return _created(world, managed_organization(world, caller), call)


def get_current_org_user(world: World, caller: Caller, call: Call) -> object:
    """GET /api/organization/users/{id}."""
    return _shown_with_harbors(world, world.user(call.ids["id"], current_organization(caller).id))


def update_current_org_user(world: World, caller: Caller, call: Call) -> object:
    """PUT /api/organization/users/{id}: roles only."""
    return _updated(world, world.user(call.ids["id"], managed_organization(world, caller).id), call)


def delete_current_org_user(world: World, caller: Caller, call: Call) -> object:
    """DELETE /api/organization/users/{id}."""
    return _deleted(world, world.user(call.ids["id"], managed_organization(world, caller).id))


def _user_in_path(world: World, caller: Caller, call: Call) -> User:
    return world.user(call.ids["id"], path_organization(world, caller, call).id)


def _created(world: World, organization: Organization, call: Call) -> object:
    user = world.add_user(organization.id, _email(call), _role_ids(world, organization.id, call) or ())
    world.invitations.append(Invitation(organization.id, user.id, user.email))
    return _shown(world, user)


def _updated(world: World, user: User, call: Call) -> object:
    role_ids = _role_ids(world, user.organization_id, call)
    return _shown(world, user if role_ids is None else world.put_user(replace(user, role_ids=tuple(role_ids))))


def _deleted(world: World, user: User) -> object:
    shown = _shown(world, user)
    world.delete_user(user.id)
    return shown


def _email(call: Call) -> str:
    email = call.text("email")
    if "@" not in email:
        raise RefusalError.of_field(422, "email", "is not an e-mail address")
    return email


def _role_ids(world: World, organization_id: str, call: Call) -> Sequence[str] | None:
    legacy, role_ids = call.optional_text("role"), call.texts("role_ids")
    if legacy is not None and role_ids is not None:
        raise RefusalError.of_field(422, "role", "cannot be given together with role_ids")
    if legacy is not None:
        role = world.role_named(_LEGACY_ROLES.get(legacy.lower(), legacy))
        if role is None:
            raise RefusalError.of_field(422, "role", "is unknown")
        return [role.id]
    known = {role.id for role in world.roles_of(organization_id)}
    if not known.issuperset(role_ids or ()):
        raise RefusalError.of_field(422, "role_ids", "names an unknown role")
    return role_ids


def _shown(world: World, user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "organization_id": user.organization_id,
        "role": "admin" if world.is_admin(user) else "user",
        "role_ids": list(user.role_ids) or None,
    }


def _shown_with_harbors(world: World, user: User) -> dict[str, Any]:
    return _shown(world, user) | {"harbor_ids": None, "harbor_only": False}
