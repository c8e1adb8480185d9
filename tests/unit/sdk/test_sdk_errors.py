"""Each call of the official SDK for users, organizations, roles and identity raises each error that it maps."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from polytomic import errors
from polytomic.core.api_error import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from polytomic import Polytomic

    from airflow_provider_polytomic.testing import PolytomicEmulator

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Call:
    """Client and arguments of a call."""

    client: Polytomic
    org_id: str
    user_id: str
    role_id: str
    name: str = "New"
    email: str = "new@acme.example"


CALLS: dict[str, Callable[[Call], Any]] = {
    "users.list": lambda c: c.client.users.list(c.org_id),
    "users.create": lambda c: c.client.users.create(c.org_id, email=c.email),
    "users.get": lambda c: c.client.users.get(c.org_id, c.user_id),
    "users.update": lambda c: c.client.users.update(c.org_id, c.user_id, email=c.email),
    "users.delete": lambda c: c.client.users.delete(c.org_id, c.user_id),
    "users.create_api_key": lambda c: c.client.users.create_api_key(c.org_id, c.user_id),
    "users.list_current_org_users": lambda c: c.client.users.list_current_org_users(),
    "users.create_current_org_user": lambda c: c.client.users.create_current_org_user(email=c.email),
    "users.get_current_org_user": lambda c: c.client.users.get_current_org_user(c.user_id),
    "users.update_current_org_user": lambda c: c.client.users.update_current_org_user(
        c.user_id, role_ids=[] if c.email == "nobody" else None
    ),
    "users.delete_current_org_user": lambda c: c.client.users.delete_current_org_user(c.user_id),
    "organization.get_current": lambda c: c.client.organization.get_current(),
    "organization.list": lambda c: c.client.organization.list(),
    "organization.create": lambda c: c.client.organization.create(name=c.name),
    "organization.get": lambda c: c.client.organization.get(c.org_id),
    "organization.update": lambda c: c.client.organization.update(c.org_id, name=c.name),
    "organization.delete": lambda c: c.client.organization.delete(c.org_id),
    "permissions.roles.list": lambda c: c.client.permissions.roles.list(),
    "permissions.roles.create": lambda c: c.client.permissions.roles.create(name=c.name),
    "permissions.roles.get": lambda c: c.client.permissions.roles.get(c.role_id),
    "permissions.roles.update": lambda c: c.client.permissions.roles.update(c.role_id, name=c.name),
    "permissions.roles.delete": lambda c: c.client.permissions.roles.delete(c.role_id),
    "identity.get": lambda c: c.client.identity.get(),
}
WITHIN = {name for name in CALLS if "current" in name or name.startswith("permissions")}

# The cause of each status; "status:..." if only Polytomic itself could cause it.
EDITOR, BEARER, MISSING, INVALID, TAKEN, UNKNOWN_KEY = (
    "editor's key",
    "bearer",
    "missing",
    "invalid",
    "taken",
    "unknown key",
)
CAUSES: dict[str, dict[int, str]] = {
    "users.list": {403: EDITOR, 404: MISSING},
    "users.create": {403: EDITOR, 422: INVALID, 500: "status:500"},
    "users.get": {403: EDITOR, 404: MISSING, 500: "status:500"},
    "users.update": {403: EDITOR, 422: INVALID, 500: "status:500"},
    "users.delete": {403: EDITOR, 404: MISSING, 500: "status:500"},
    "users.create_api_key": {403: EDITOR, 404: MISSING, 500: "recorded_500"},
    "users.list_current_org_users": {403: BEARER, 404: "status:404"},
    "users.create_current_org_user": {403: EDITOR, 422: INVALID, 500: "recorded_500"},
    "users.get_current_org_user": {403: BEARER, 404: MISSING, 500: "status:500"},
    "users.update_current_org_user": {403: EDITOR, 422: INVALID, 500: "status:500"},
    "users.delete_current_org_user": {403: EDITOR, 404: MISSING, 500: "status:500"},
    "organization.get_current": {401: UNKNOWN_KEY, 403: BEARER, 404: "status:404"},
    "organization.list": {500: "status:500"},
    "organization.create": {409: TAKEN, 422: INVALID, 500: "recorded_500"},
    "organization.get": {403: EDITOR, 404: MISSING, 500: "status:500"},
    "organization.update": {403: EDITOR, 409: TAKEN, 422: INVALID, 500: "status:500"},
    "organization.delete": {403: EDITOR, 404: MISSING, 500: "status:500"},
    "permissions.roles.list": {500: "status:500"},
    "permissions.roles.create": {400: INVALID, 403: EDITOR, 404: "status:404", 500: "recorded_500"},
    "permissions.roles.get": {404: MISSING},
    "permissions.roles.update": {400: INVALID, 403: EDITOR, 404: MISSING, 500: "status:500"},
    "permissions.roles.delete": {403: EDITOR, 404: MISSING, 500: "status:500"},
    "identity.get": {401: UNKNOWN_KEY, 403: "status:403", 500: "status:500"},
}
MAPPED: dict[int, type[ApiError]] = {
    400: errors.BadRequestError,
    401: errors.UnauthorizedError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    422: errors.UnprocessableEntityError,
    500: errors.InternalServerError,
}


def _editors_key(emulator: PolytomicEmulator, org_id: str) -> str:
    editor = emulator.add_user(org_id, "editor@acme.example", [emulator.role_id("Editor")])
    return emulator.give_key(editor.id)


@pytest.fixture
def prepare(emulator: PolytomicEmulator, partner, inside, sdk, user):
    """Return a function that prepares a call with a cause."""
    role = inside.permissions.roles.create(name="Auditor").data

    def prepare(name: str, cause: str) -> Call:
        call = Call(inside if name in WITHIN else partner, user.organization_id, user.id, role.id)
        changes: dict[str, Callable[[], dict[str, Any]]] = {
            EDITOR: lambda: {"client": sdk(_editors_key(emulator, user.organization_id))},
            UNKNOWN_KEY: lambda: {"client": sdk("unknown")},
            BEARER: lambda: {"client": partner},
            MISSING: lambda: {"org_id": UNKNOWN, "user_id": UNKNOWN, "role_id": UNKNOWN},
            INVALID: lambda: {"name": " ", "email": "nobody"},
            TAKEN: lambda: {"name": emulator.owner.name},
        }
        if cause in changes:
            return replace(call, **changes[cause]())
        emulator.inject(cause)
        return call

    return prepare


@pytest.mark.parametrize(("name", "status"), [(name, status) for name in CALLS for status in CAUSES[name]])
def test_an_error_that_the_call_lists_is_typed(prepare, name, status):
    call = prepare(name, CAUSES[name][status])
    with pytest.raises(ApiError) as caught:
        CALLS[name](call)
    assert type(caught.value) is MAPPED[status]
    assert (caught.value.status_code, caught.value.body.status) == (status, status)
    assert caught.value.body.message


def listed_by_the_sdk(client: Any, name: str) -> set[int]:
    """Return the statuses for which a call has an error type, read from its source."""
    *path, method = name.split(".")
    source = inspect.getsource(getattr(reduce(getattr, path, client).with_raw_response, method))
    return {int(status) for status in re.findall(r"status_code == (\d+)", source)}


def test_every_error_type_of_the_sdk_is_covered(partner):
    assert {name: set(CAUSES[name]) for name in CALLS} == {name: listed_by_the_sdk(partner, name) for name in CALLS}


def test_an_unknown_key_is_a_generic_error_if_the_call_does_not_list_it(prepare):
    client = prepare("identity.get", UNKNOWN_KEY).client
    raised = {}
    for name, send in CALLS.items():
        with pytest.raises(ApiError) as caught:
            send(Call(client, UNKNOWN, UNKNOWN, UNKNOWN))
        raised[name] = (type(caught.value), caught.value.status_code)
    assert raised == {name: (MAPPED[401] if 401 in CAUSES[name] else ApiError, 401) for name in CALLS}


@pytest.mark.parametrize(
    ("name", "cause", "status"),
    [
        ("users.create", MISSING, 404),
        ("users.update", MISSING, 404),
        ("users.update_current_org_user", MISSING, 404),
        ("organization.list", EDITOR, 403),
        ("organization.create", EDITOR, 403),
        ("organization.update", MISSING, 404),
        ("permissions.roles.list", BEARER, 403),
        ("permissions.roles.get", BEARER, 403),
    ],
)
def test_other_unlisted_rejections_are_generic_too(prepare, name, cause, status):
    call = prepare(name, cause)
    with pytest.raises(ApiError) as caught:
        CALLS[name](call)
    assert (type(caught.value), caught.value.status_code) == (ApiError, status)
