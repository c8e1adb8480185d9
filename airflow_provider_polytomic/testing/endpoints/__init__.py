"""The endpoints of the emulator, whose names faults refer to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_polytomic.testing.api_request import ApiRequest
from airflow_provider_polytomic.testing.auth import Caller
from airflow_provider_polytomic.testing.endpoints import organizations, roles, users
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.state import State

__all__ = ["ENDPOINTS", "ENDPOINT_NAMES", "UNKNOWN", "Endpoint", "find_endpoint"]

Handler = Callable[[State, Caller, ApiRequest], object]

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of the API.

    :param handler: applies the effect and returns the data of a success; its name is the name of the endpoint.
    """

    handler: Handler
    method: str
    path: str

    @property
    def name(self) -> str:
        """The name that faults refer to."""
        return self.handler.__name__


_ORGANIZATION = "/api/organizations/{id}"
_USERS = "/api/organizations/{org_id}/users"
_OWN_USERS = "/api/organization/users"
_ROLES = "/api/permissions/roles"

ENDPOINTS = (
    Endpoint(organizations.get_identity, "GET", "/api/me"),
    Endpoint(organizations.get_current_organization, "GET", "/api/organization"),
    Endpoint(organizations.list_organizations, "GET", "/api/organizations"),
    Endpoint(organizations.create_organization, "POST", "/api/organizations"),
    Endpoint(organizations.get_organization, "GET", _ORGANIZATION),
    Endpoint(organizations.update_organization, "PUT", _ORGANIZATION),
    Endpoint(organizations.delete_organization, "DELETE", _ORGANIZATION),
    Endpoint(users.list_users, "GET", _USERS),
    Endpoint(users.create_user, "POST", _USERS),
    Endpoint(users.get_user, "GET", _USERS + "/{id}"),
    Endpoint(users.update_user, "PUT", _USERS + "/{id}"),
    Endpoint(users.delete_user, "DELETE", _USERS + "/{id}"),
    Endpoint(users.create_api_key, "POST", _USERS + "/{id}/keys"),
    Endpoint(users.list_current_org_users, "GET", _OWN_USERS),
    Endpoint(users.create_current_org_user, "POST", _OWN_USERS),
    Endpoint(users.get_current_org_user, "GET", _OWN_USERS + "/{id}"),
    Endpoint(users.update_current_org_user, "PUT", _OWN_USERS + "/{id}"),
    Endpoint(users.delete_current_org_user, "DELETE", _OWN_USERS + "/{id}"),
    Endpoint(roles.list_roles, "GET", _ROLES),
    Endpoint(roles.create_role, "POST", _ROLES),
    Endpoint(roles.get_role, "GET", _ROLES + "/{id}"),
    Endpoint(roles.update_role, "PUT", _ROLES + "/{id}"),
    Endpoint(roles.delete_role, "DELETE", _ROLES + "/{id}"),
)
ENDPOINT_NAMES = (*(endpoint.name for endpoint in ENDPOINTS), UNKNOWN)


def find_endpoint(path: str, method: str) -> Endpoint:
    """Return the endpoint at a path pattern that serves a method.

    :raises RefusalError: 404 if the path is unknown, 405 if it does not have the method.
    """
    methods = {endpoint.method: endpoint for endpoint in ENDPOINTS if endpoint.path == path}
    if not methods:
        raise RefusalError(404, "no such endpoint")
    if method not in methods:
        raise RefusalError(405, f"{method} is not allowed here", headers={"Allow": ", ".join(methods)})
    return methods[method]
