"""Endpoints for roles."""

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
    """Endpoints for roles. In each method, ``org_id`` selects the organization.

    For the id of an organization, the request uses Basic ``<org_id>:<key>`` with the connection's partner or deployment
    key, because such a key alone acts in no organization. For ``current``, it uses the connection's own credential.
    """

    def list_roles(self, org_id: str) -> list[Role]:
        """List the predefined roles and the organization's own: ``GET /api/permissions/roles`` (2025-09-18)."""
        with _acting_in(org_id) as within:
            return read_many(Role, self._client.get(_PATH, within=within, max_bytes=MAX_LIST), f"GET {_PATH}")

    def get_role(self, org_id: str, role_id: str) -> Role:
        """Return a role: ``GET /api/permissions/roles/{role_id}`` (2025-09-18)."""
        path = _role_path(role_id)
        with _acting_in(org_id) as within:
            return read_one(Role, self._client.get(path, within=within), f"GET {path}", id=_id(role_id))

    def create_role(self, org_id: str, name: str, *, idempotency_key: str | None = None) -> Role:
        """Create a role: ``POST /api/permissions/roles`` (2025-09-18)."""
        with _acting_in(org_id) as within:
            response = self._create(_PATH, {"name": name}, idempotency_key, within=within)
            return read_one(Role, response, f"POST {_PATH}", name=name)

    def update_role(self, org_id: str, role_id: str, name: str) -> Role:
        """Rename a role: ``PUT /api/permissions/roles/{role_id}`` (2025-09-18), except a predefined one."""
        path = _role_path(role_id)
        with _acting_in(org_id) as within:
            response = self._client.put(path, json={"name": name}, within=within)
            return read_one(Role, response, f"PUT {path}", id=_id(role_id), name=name)

    def delete_role(self, org_id: str, role_id: str) -> None:
        """Delete a role: ``DELETE /api/permissions/roles/{role_id}`` (2025-09-18), except a predefined one.

        :raises PolytomicNotFoundError: if the role does not exist.
        """
        with _acting_in(org_id) as within:
            self._client.delete(_role_path(role_id), within=within)

    def resolve_roles(self, org_id: str, roles: Sequence[str]) -> tuple[str, ...]:
        """Return the ids, without duplicates, of roles given by id or by name: ``Sync Editor``, ``sync editor``.

        The names are read from Polytomic, whose documentation is inconsistent (Admin and Member; or Admin, Editor, Sync
        Editor and Viewer). No request is sent if all roles are given by id.

        :raises PolytomicConfigurationError: if a name is unknown, or matches several roles; the message lists them.
        """
        if isinstance(roles, str) or not all(isinstance(role, str) for role in roles):
            raise PolytomicConfigurationError(
                "roles must be a list of names or ids.", reason="not_a_list", fields=("roles",)
            )
        known = [] if all(is_uuid(role) for role in roles) else self.list_roles(org_id)
        ids = (parse_uuid("roles", role) if is_uuid(role) else _find(role, known).id for role in roles)
        return tuple(dict.fromkeys(ids))


def _find(name: str, known: Sequence[Role]) -> Role:
    exact = [role for role in known if role.name == name]
    matches = exact or [role for role in known if _normalize(role.name) == _normalize(name)]
    if len(matches) == 1:
        return matches[0]
    problem = "matches several roles of" if matches else "is unknown in"
    hint = "Use the id of one of them" if matches else "Existing roles"
    roles = ", ".join(sorted(f"{role.name!r} ({role.id})" for role in matches or known)) or "none"
    raise PolytomicConfigurationError(
        f"The role {name!r:.100} {problem} this organization.",
        f"{hint}: {roles:.1000}.",
        state="Nothing was changed.",
        reason="role_ambiguous" if matches else "role_unknown",
        fields=("roles",),
    )


def _normalize(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()


def _role_path(role_id: str) -> str:
    return f"{_PATH}/{_id(role_id)}"


def _id(role_id: str) -> str:
    return parse_uuid("role_id", role_id)


@contextmanager
def _acting_in(org_id: str) -> Iterator[str | None]:
    org_id = parse_organization(org_id)
    try:
        yield None if org_id == CURRENT_ORGANIZATION else org_id
    except PolytomicUnauthorizedError as error:
        if org_id != CURRENT_ORGANIZATION:
            error.add_note(
                "With the id of an organization, a request for roles is sent as Basic <org_id>:<key>, which needs a "
                f"partner or deployment key. With a key of that organization, pass org_id={CURRENT_ORGANIZATION!r}."
            )
        raise
