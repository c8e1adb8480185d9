"""Which of Polytomic's endpoints are about users? Those of one of the partner's organizations, and of one's own."""

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
    """Users. In each method ``org_id`` says which of two paths is meant.

    The id of an organization: ``/api/organizations/{org_id}/users``, which takes a partner key. The word ``current``
    (:data:`~airflow_provider_polytomic._support.ids.CURRENT_ORGANIZATION`): ``/api/organization/users``, which takes a
    key of that organization: a user's own one, an Admin's to change something, or Basic with the organization's id.
    """

    def list_users(self, org_id: str) -> list[User]:
        """List an organization's users: ``GET .../users`` (2025-09-18, users/list)."""
        path = self._users_path(org_id)
        answer = self._client.get(path, max_bytes=MAX_LIST)
        return read_many(User, answer, f"GET {path}", organization_id=expected_id(org_id))

    def get_user(self, org_id: str, user_id: str) -> User:
        """Return a user: ``GET .../users/{user_id}`` (2025-09-18, users/get)."""
        path = self._user_path(org_id, user_id)
        asked = {"id": parse_uuid("user_id", user_id), "organization_id": expected_id(org_id)}
        return read_one(User, self._client.get(path), f"GET {path}", **asked)

    def create_user(
        self,
        org_id: str,
        email: str,
        role_ids: Sequence[str] = (),
        *,
        idempotency_key: str | None = None,
    ) -> User:
        """Create a user, who gets an invitation: ``POST .../users`` (2025-09-18, users/create).

        :param role_ids: UUIDs of the roles; none for the server's default.
        :param idempotency_key: give one to get the same user from a later call; else each has its own.
        :raises PolytomicConflictError: on 409, at once: in flight, or the e-mail address is taken.
        """
        path = self._users_path(org_id)
        body = {"email": email, **({"role_ids": _checked_ids(role_ids)} if role_ids else {})}
        answer = self._create(path, body, idempotency_key)
        return read_one(User, answer, f"POST {path}", email=email, organization_id=expected_id(org_id))

    def update_user(self, org_id: str, user_id: str, *, role_ids: Sequence[str], email: str | None = None) -> User:
        """Change a user's roles: ``PUT .../users/{user_id}`` (2025-09-18, users/update).

        :param role_ids: UUIDs of all roles that the user is to have.
        :param email: the user's address, which a partner's request must repeat and cannot change; None: it is read
            first.
        """
        path = self._user_path(org_id, user_id)
        body: dict[str, Any] = {"role_ids": _checked_ids(role_ids)}
        if org_id != CURRENT_ORGANIZATION:
            body["email"] = email if email is not None else self.get_user(org_id, user_id).email
        asked = {"id": parse_uuid("user_id", user_id), "organization_id": expected_id(org_id)}
        return read_one(User, self._client.put(path, json=body), f"PUT {path}", **asked)

    def delete_user(self, org_id: str, user_id: str) -> None:
        """Remove a user for good, keys included: ``DELETE .../users/{user_id}`` (2025-09-18, users/remove).

        :raises PolytomicNotFoundError: if there is no such user.
        """
        self._client.delete(self._user_path(org_id, user_id))

    def _users_path(self, org_id: str) -> str:
        return f"{self._organization_path(org_id)}/users"

    def _user_path(self, org_id: str, user_id: str) -> str:
        return f"{self._users_path(org_id)}/{parse_uuid('user_id', user_id)}"


def _checked_ids(role_ids: Sequence[str]) -> list[str]:
    if isinstance(role_ids, str) or not role_ids:
        raise PolytomicConfigurationError(
            "role_ids must be a list of at least one id.", reason="not_a_list", fields=("role_ids",)
        )
    return [parse_uuid("role_ids", role_id) for role_id in role_ids]
