"""Which endpoints does the emulator have, and since which API version? Names are those that faults are aimed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_polytomic.testing.auth import Caller
from airflow_provider_polytomic.testing.calls import Call
from airflow_provider_polytomic.testing.endpoints import organizations, roles, users
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.versions import CURRENT, SUPPORTED, update_verb
from airflow_provider_polytomic.testing.world import World

__all__ = ["ENDPOINTS", "ENDPOINT_NAMES", "UNKNOWN", "Endpoint", "find_endpoint"]

Handler = Callable[[World, Caller, Call], object]

UNKNOWN = "unknown"
_UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be called.

    :param handler: takes effect and returns the data of a success; its name is the endpoint's.
    :param method: of HTTP, or ``update``: the verb for it changed between versions.
    :param since: the first API version that has it.
    """

    handler: Handler
    method: str
    path: str
    since: str = SUPPORTED[0]

    @property
    def name(self) -> str:
        """The name that faults are aimed at."""
        return self.handler.__name__

    def verb(self, version: str) -> str:
        """Return the HTTP method in a version."""
        return update_verb(version) if self.method == _UPDATE else self.method


_ORGANIZATION = "/api/organizations/{id}"
_USERS = "/api/organizations/{org_id}/users"
_OWN_USERS = "/api/organization/users"
_ROLES = "/api/permissions/roles"

ENDPOINTS = (
    Endpoint(organizations.get_identity, "GET", "/api/me"),
    Endpoint(organizations.get_current_organization, "GET", "/api/organization", CURRENT),
    Endpoint(organizations.list_organizations, "GET", "/api/organizations"),
    Endpoint(organizations.create_organization, "POST", "/api/organizations"),
    Endpoint(organizations.get_organization, "GET", _ORGANIZATION),
    Endpoint(organizations.update_organization, _UPDATE, _ORGANIZATION),
    Endpoint(organizations.delete_organization, "DELETE", _ORGANIZATION),
    Endpoint(users.list_users, "GET", _USERS),
    Endpoint(users.create_user, "POST", _USERS),
    Endpoint(users.get_user, "GET", _USERS + "/{id}"),
    Endpoint(users.update_user, _UPDATE, _USERS + "/{id}"),
    Endpoint(users.delete_user, "DELETE", _USERS + "/{id}"),
    Endpoint(users.create_api_key, "POST", _USERS + "/{id}/keys"),
    Endpoint(users.list_current_org_users, "GET", _OWN_USERS, CURRENT),
    Endpoint(users.create_current_org_user, "POST", _OWN_USERS, CURRENT),
    Endpoint(users.get_current_org_user, "GET", _OWN_USERS + "/{id}", CURRENT),
    Endpoint(users.update_current_org_user, _UPDATE, _OWN_USERS + "/{id}", CURRENT),
    Endpoint(users.delete_current_org_user, "DELETE", _OWN_USERS + "/{id}", CURRENT),
    Endpoint(roles.list_roles, "GET", _ROLES),
    Endpoint(roles.create_role, "POST", _ROLES),
    Endpoint(roles.get_role, "GET", _ROLES + "/{id}"),
    Endpoint(roles.update_role, _UPDATE, _ROLES + "/{id}"),
    Endpoint(roles.delete_role, "DELETE", _ROLES + "/{id}"),
)
ENDPOINT_NAMES = (*(endpoint.name for endpoint in ENDPOINTS), UNKNOWN)


def find_endpoint(path: str, method: str, version: str) -> Endpoint:
    """Return the endpoint at a path pattern that serves a method in a version.

    :raises RefusalError: 404 if the version has nothing at that path, 405 if it has no such method there.
    """
    there = [endpoint for endpoint in ENDPOINTS if endpoint.path == path and endpoint.since <= version]
    if not there:
        raise RefusalError(404, "no such endpoint")
    verbs = {endpoint.verb(version): endpoint for endpoint in there}
    if method not in verbs:
        raise RefusalError(405, f"{method} is not allowed here in {version}", headers={"Allow": ", ".join(verbs)})
    return verbs[method]
