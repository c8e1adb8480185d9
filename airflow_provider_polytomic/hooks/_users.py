"""Endpoints for users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._support.ids import CURRENT_ORGANIZATION, parse_uuid
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._payload import read_many, read_one
from airflow_provider_polytomic.hooks._resource import Resource, expected_id
from airflow_provider_polytomic.hooks._transport import MAX_LIST
from airflow_provider_polytomic.models import User

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UserEndpoints"]


class UserEndpoints(Resource):
    """Endpoints for users. In each method, ``org_id`` selects one of two paths.

    The id of an organization selects ``/api/organizations/{org_id}/users``, which needs a partner key. The word
    ``current`` selects ``/api/organization/users``, which needs a key of that organization: a user's key (for changes,
    an Admin's), or Basic with the organization's id.
    """

    def list_users(self, org_id: str) -> list[User]:
        """List an organization's users: ``GET .../users`` (2025-09-18, users/list)."""
        path = self._users_path(org_id)
        response = self._client.get(path, max_bytes=MAX_LIST)
        return read_many(User, response, f"GET {path}", organization_id=expected_id(org_id))

    def get_user(self, org_id: str, user_id: str) -> User:
        """Return a user: ``GET .../users/{user_id}`` (2025-09-18, users/get)."""
        path = self._user_path(org_id, user_id)
        return read_one(User, self._client.get(path), f"GET {path}", **_expected_ids(org_id, user_id))

    def create_user(
        self,
        org_id: str,
        email: str,
        role_ids: Sequence[str] = (),
        *,
        idempotency_key: str | None = None,
    ) -> User:
        """Create a user, who receives an invitation: ``POST .../users`` (2025-09-18, users/create).

        :param role_ids: UUIDs of the roles; empty for the server's default.
        :param idempotency_key: pass one to get the same user from a later call; by default, each call has its own.
        :raises PolytomicConflictError: on 409, which is not repeated: the request is in flight, or the e-mail address
            is taken.
        """
        path = self._users_path(org_id)
        body = {"email": email, **({"role_ids": _parse_ids(role_ids)} if role_ids else {})}
        response = self._create(path, body, idempotency_key)
        return read_one(User, response, f"POST {path}", email=email, organization_id=expected_id(org_id))

    def update_user(self, org_id: str, user_id: str, *, role_ids: Sequence[str], email: str | None = None) -> User:
        """Change a user's roles: ``PUT .../users/{user_id}`` (2025-09-18, users/update).

        :param role_ids: UUIDs of all roles that the user will have.
        :param email: the user's address. A partner's request must contain it and cannot change it. If None, it is read
            first.
        """
        path = self._user_path(org_id, user_id)
        body: dict[str, Any] = {"role_ids": _parse_ids(role_ids)}
        if org_id != CURRENT_ORGANIZATION:
            body["email"] = email if email is not None else self.get_user(org_id, user_id).email
        response = self._client.put(path, json=body)
        return read_one(User, response, f"PUT {path}", **_expected_ids(org_id, user_id))

    def delete_user(self, org_id: str, user_id: str) -> None:
        """Delete a user and the user's keys: ``DELETE .../users/{user_id}`` (2025-09-18, users/remove).

        :raises PolytomicNotFoundError: if the user does not exist.
        """
        self._client.delete(self._user_path(org_id, user_id))

    def _users_path(self, org_id: str) -> str:
        return f"{self._organization_path(org_id)}/users"

    def _user_path(self, org_id: str, user_id: str) -> str:
        return f"{self._users_path(org_id)}/{parse_uuid('user_id', user_id)}"


def _expected_ids(org_id: str, user_id: str) -> dict[str, str | None]:
    return {"id": parse_uuid("user_id", user_id), "organization_id": expected_id(org_id)}


def _parse_ids(role_ids: Sequence[str]) -> list[str]:
    if isinstance(role_ids, str) or not role_ids:
        raise PolytomicConfigurationError(
            "role_ids must be a list of at least one UUID.", reason="not_a_list", fields=("role_ids",)
        )
    return [parse_uuid("role_ids", role_id) for role_id in role_ids]
