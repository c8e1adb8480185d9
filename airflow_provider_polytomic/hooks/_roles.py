"""Which of Polytomic's endpoints are about roles? Those for permissions, which are of one organization."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_polytomic._support.ids import CURRENT_ORGANIZATION, is_uuid, parse_organization, parse_uuid
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicUnauthorizedError
from airflow_provider_polytomic.hooks._payload import read_many, read_one
from airflow_provider_polytomic.hooks._resource import Resource
from airflow_provider_polytomic.hooks._transport import MAX_LIST
from airflow_provider_polytomic.models import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["RoleEndpoints"]

_PATH = "/api/permissions/roles"


class RoleEndpoints(Resource):
    """Roles. In each method ``org_id`` says whose.

    The id of an organization: asked for as Basic ``<org_id>:<key>`` with the connection's partner or deployment key, as
    a bare one has no organization. The word ``current``: with the connection's credential as it is.
    """

    def list_roles(self, org_id: str) -> list[Role]:
        """List Polytomic's own roles and the organization's: ``GET /api/permissions/roles`` (2025-09-18)."""
        with _within(org_id) as within:
            return read_many(Role, self._client.get(_PATH, within=within, max_bytes=MAX_LIST), f"GET {_PATH}")

    def get_role(self, org_id: str, role_id: str) -> Role:
        """Return a role: ``GET /api/permissions/roles/{role_id}`` (2025-09-18)."""
        path = _role_path(role_id)
        with _within(org_id) as within:
            return read_one(Role, self._client.get(path, within=within), f"GET {path}", id=_id(role_id))

    def create_role(self, org_id: str, name: str, *, idempotency_key: str | None = None) -> Role:
        """Create a role: ``POST /api/permissions/roles`` (2025-09-18)."""
        with _within(org_id) as within:
            answer = self._create(_PATH, {"name": name}, idempotency_key, within=within)
            return read_one(Role, answer, f"POST {_PATH}", name=name)

    def update_role(self, org_id: str, role_id: str, name: str) -> Role:
        """Rename a role: ``PUT /api/permissions/roles/{role_id}`` (2025-09-18); Polytomic's own are fixed."""
        path = _role_path(role_id)
        with _within(org_id) as within:
            answer = self._client.put(path, json={"name": name}, within=within)
            return read_one(Role, answer, f"PUT {path}", id=_id(role_id), name=name)

    def delete_role(self, org_id: str, role_id: str) -> None:
        """Delete a role: ``DELETE /api/permissions/roles/{role_id}`` (2025-09-18); Polytomic's own stay.

        :raises PolytomicNotFoundError: if there is no such role.
        """
        with _within(org_id) as within:
            self._client.delete(_role_path(role_id), within=within)

    def resolve_roles(self, org_id: str, roles: Sequence[str]) -> tuple[str, ...]:
        """Return the ids, each once, of roles that are named by id or by name: ``Sync Editor``, ``sync editor``.

        The names that there are differ between Polytomic's texts (Admin and Member, or Admin, Editor, Sync Editor and
        Viewer), so they are asked for; nothing is, where all are ids.

        :raises PolytomicConfigurationError: if a name is unknown, or means more than one role; the message lists all.
        """
        if isinstance(roles, str) or not all(isinstance(role, str) for role in roles):
            raise PolytomicConfigurationError(
                "roles must be a list of names or ids.", reason="not_a_list", fields=("roles",)
            )
        known = [] if all(is_uuid(role) for role in roles) else self.list_roles(org_id)
        ids = (parse_uuid("roles", role) if is_uuid(role) else _found(role, known).id for role in roles)
        return tuple(dict.fromkeys(ids))


def _found(name: str, known: Sequence[Role]) -> Role:
    exact = [role for role in known if role.name == name]
    alike = exact or [role for role in known if _plain(role.name) == _plain(name)]
    if len(alike) == 1:
        return alike[0]
    what = "means more than one role" if alike else "is unknown"
    there = ", ".join(sorted(f"{role.name!r} ({role.id})" for role in alike or known)) or "none"
    raise PolytomicConfigurationError(
        f"The role {name!r:.100} {what} in this organization.",
        f"There are: {there:.1000}.",
        state="Nothing was changed.",
        reason="role_ambiguous" if alike else "role_unknown",
        fields=("roles",),
    )


def _plain(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()


def _role_path(role_id: str) -> str:
    return f"{_PATH}/{_id(role_id)}"


def _id(role_id: str) -> str:
    return parse_uuid("role_id", role_id)


@contextmanager
def _within(org_id: str) -> Iterator[str | None]:
    org_id = parse_organization(org_id)
    try:
        yield None if org_id == CURRENT_ORGANIZATION else org_id
    except PolytomicUnauthorizedError as error:
        if org_id != CURRENT_ORGANIZATION:
            error.add_note(
                "Roles of an organization that is given by its id are asked for as Basic <org_id>:<key>, which takes a "
                f"partner or deployment key. With a key of that organization, say org_id={CURRENT_ORGANIZATION!r}."
            )
        raise
