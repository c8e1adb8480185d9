"""Endpoints for users, in the partner's paths and in those of the current organization."""

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
from airflow_provider_polytomic.testing.state import Invitation, Organization, State, User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.testing.api_request import ApiRequest

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

# The values of the deprecated `role` of a user, and the roles that they stand for.
_LEGACY_ROLES = {"admin": "Admin", "user": "Editor"}


def list_users(state: State, caller: Caller, request: ApiRequest) -> object:
    """GET /api/organizations/{org_id}/users: returns null instead of an empty list, as the schema allows."""
    return [_to_json(state, user) for user in state.users_of(path_organization(state, caller, request).id)] or None


def create_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """POST /api/organizations/{org_id}/users: sends an invitation."""
    return _create(state, path_organization(state, caller, request), request)


def get_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """GET /api/organizations/{org_id}/users/{id}."""
    return _to_json(state, _user_in_path(state, caller, request))


def update_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """PUT /api/organizations/{org_id}/users/{id}: requires the e-mail address and does not change it."""
    user = _user_in_path(state, caller, request)
    _email(request)
    return _update(state, user, request)


def delete_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """DELETE /api/organizations/{org_id}/users/{id}: returns the deleted user."""
    return _delete(state, _user_in_path(state, caller, request))


def create_api_key(state: State, caller: Caller, request: ApiRequest) -> object:
    """POST /api/organizations/{org_id}/users/{id}/keys: with ``force``, revokes the existing keys first."""
    user = _user_in_path(state, caller, request)
    request.body()
    if request.flag("force"):
        state.keys.revoke_all_of(user.id)
    elif state.existing_key != "second_key" and state.keys.live(user.id):
        raise RefusalError(state.existing_key, "the user has an API key; force=true revokes it and creates another")
    return {"value": state.keys.add(None, "user", user.id, minted=True)}


def list_current_org_users(state: State, caller: Caller, _request: ApiRequest) -> object:
    """GET /api/organization/users."""
    return [_to_json_with_harbors(state, user) for user in state.users_of(current_organization(caller).id)] or None


def create_current_org_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """POST /api/organization/users."""
    return _create(state, managed_organization(state, caller), request)


def get_current_org_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """GET /api/organization/users/{id}."""
    return _to_json_with_harbors(state, state.user(request.ids["id"], current_organization(caller).id))


def update_current_org_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """PUT /api/organization/users/{id}: roles only."""
    return _update(state, state.user(request.ids["id"], managed_organization(state, caller).id), request)


def delete_current_org_user(state: State, caller: Caller, request: ApiRequest) -> object:
    """DELETE /api/organization/users/{id}."""
    return _delete(state, state.user(request.ids["id"], managed_organization(state, caller).id))


def _user_in_path(state: State, caller: Caller, request: ApiRequest) -> User:
    return state.user(request.ids["id"], path_organization(state, caller, request).id)


def _create(state: State, organization: Organization, request: ApiRequest) -> object:
    user = state.add_user(organization.id, _email(request), _role_ids(state, organization.id, request) or ())
    state.invitations.append(Invitation(organization.id, user.id, user.email))
    return _to_json(state, user)


def _update(state: State, user: User, request: ApiRequest) -> object:
    role_ids = _role_ids(state, user.organization_id, request)
    return _to_json(state, user if role_ids is None else state.put_user(replace(user, role_ids=tuple(role_ids))))


def _delete(state: State, user: User) -> object:
    shown = _to_json(state, user)
    state.delete_user(user.id)
    return shown


def _email(request: ApiRequest) -> str:
    email = request.required_string("email")
    if "@" not in email:
        raise RefusalError.of_field(422, "email", "is not an e-mail address")
    return email


def _role_ids(state: State, organization_id: str, request: ApiRequest) -> Sequence[str] | None:
    legacy, role_ids = request.optional_string("role"), request.strings("role_ids")
    if legacy is not None and role_ids is not None:
        raise RefusalError.of_field(422, "role", "cannot be given together with role_ids")
    if legacy is not None:
        role = state.role_named(_LEGACY_ROLES.get(legacy.lower(), legacy))
        if role is None:
            raise RefusalError.of_field(422, "role", "is unknown")
        return [role.id]
    known = {role.id for role in state.roles_of(organization_id)}
    if not known.issuperset(role_ids or ()):
        raise RefusalError.of_field(422, "role_ids", "names an unknown role")
    return role_ids


def _to_json(state: State, user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "organization_id": user.organization_id,
        "role": "admin" if state.is_admin(user) else "user",
        "role_ids": list(user.role_ids) or None,
    }


def _to_json_with_harbors(state: State, user: User) -> dict[str, Any]:
    return _to_json(state, user) | {"harbor_ids": None, "harbor_only": False}
