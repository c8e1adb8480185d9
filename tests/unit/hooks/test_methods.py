"""The request of each method: its path, its body and its key."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from airflow_provider_polytomic.exceptions import PolytomicAlreadyExistsError, PolytomicConflictError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import ORG, PARTNER_KEY, USER, Reply

ROLE = "9b2f6a10-6a52-4a0f-8d1b-0a7c5e3d2f14"
SETTINGS = {"sso_domain": "acme.example", "sso_org_id": "org_01H"}
MAIL = "Ada@Acme.example"
ORGANIZATIONS, USERS, ROLES = "/api/organizations", f"/api/organizations/{ORG}/users", "/api/permissions/roles"
OWN = "/api/organization"
AS_CALLER = f"Bearer {PARTNER_KEY}"
WITHIN = f"Basic {base64.b64encode(f'{ORG}:{PARTNER_KEY}'.encode()).decode()}"
Row = tuple[str, tuple[Any, ...], dict[str, Any], str, Any, str]


def users(org_id: str, path: str) -> list[Row]:
    return [
        ("list_users", (org_id,), {}, f"GET {path}", None, AS_CALLER),
        ("get_user", (org_id, USER), {}, f"GET {path}/{USER}", None, AS_CALLER),
        ("create_user", (org_id, MAIL), {}, f"POST {path}", {"email": MAIL}, AS_CALLER),
        ("delete_user", (org_id, USER), {}, f"DELETE {path}/{USER}", None, AS_CALLER),
    ]


def roles(org_id: str, key: str) -> list[Row]:
    return [
        ("list_roles", (org_id,), {}, f"GET {ROLES}", None, key),
        ("get_role", (org_id, ROLE), {}, f"GET {ROLES}/{ROLE}", None, key),
        ("create_role", (org_id, "Auditor"), {}, f"POST {ROLES}", {"name": "Auditor"}, key),
        ("update_role", (org_id, ROLE, "Auditor"), {}, f"PUT {ROLES}/{ROLE}", {"name": "Auditor"}, key),
        ("delete_role", (org_id, ROLE), {}, f"DELETE {ROLES}/{ROLE}", None, key),
    ]


# method, arguments, keyword arguments, request, body, Authorization; the test passes ids in upper case.
ROWS: list[Row] = [
    ("get_identity", (), {}, "GET /api/me", None, AS_CALLER),
    ("list_organizations", (), {}, f"GET {ORGANIZATIONS}", None, AS_CALLER),
    ("get_organization", (ORG,), {}, f"GET {ORGANIZATIONS}/{ORG}", None, AS_CALLER),
    ("get_organization", ("current",), {}, f"GET {OWN}", None, AS_CALLER),
    ("create_organization", ("Acme",), {}, f"POST {ORGANIZATIONS}", {"name": "Acme"}, AS_CALLER),
    ("create_organization", ("Acme",), SETTINGS, f"POST {ORGANIZATIONS}", {"name": "Acme", **SETTINGS}, AS_CALLER),
    ("delete_organization", (ORG,), {}, f"DELETE {ORGANIZATIONS}/{ORG}", None, AS_CALLER),
    ("create_user", (ORG, MAIL, [ROLE]), {}, f"POST {USERS}", {"email": MAIL, "role_ids": [ROLE]}, AS_CALLER),
    *users(ORG, USERS),
    *users("current", f"{OWN}/users"),
    *roles(ORG, WITHIN),
    *roles("current", AS_CALLER),
]


IDS = (ORG, USER, ROLE)


def in_upper_case(value: Any) -> Any:
    if isinstance(value, list):
        return [in_upper_case(item) for item in value]
    return value.upper() if value in IDS else value


@pytest.mark.parametrize(("method", "given", "named", "request_line", "body", "signed"), ROWS)
def test_a_method_sends_one_request(stub, hook, *, method, given, named, request_line, body, signed):
    data = {"id": next((argument for argument in given[::-1] if argument in IDS), ORG)}
    stub.reply_data([] if method.startswith("list") else data)
    getattr(hook, method)(*map(in_upper_case, given), **named)
    (sent,) = stub.requests
    assert f"{sent.method} {sent.path}" == request_line
    assert (json.loads(sent.body) if sent.body else None) == body
    assert sent.headers["authorization"] == signed
    assert ("idempotency-key" in sent.headers) is (sent.method == "POST")


def test_with_a_login_roles_are_read_as_basic_of_the_connection_or_of_the_given_organization(stub, define):
    define(host=stub.base_url, login=USER)  # of some organization
    stub.reply_data([])
    PolytomicHook().list_roles("current")
    PolytomicHook().list_roles(ORG)
    own = f"Basic {base64.b64encode(f'{USER}:{PARTNER_KEY}'.encode()).decode()}"
    assert [request.headers["authorization"] for request in stub.requests] == [own, WITHIN]


@pytest.mark.parametrize(
    ("org_id", "email", "sent"),
    [
        (ORG, MAIL, [("PUT", {"role_ids": [ROLE], "email": MAIL})]),
        (ORG, None, [("GET", None), ("PUT", {"role_ids": [ROLE], "email": MAIL})]),
        ("current", MAIL, [("PUT", {"role_ids": [ROLE]})]),
        ("current", None, [("PUT", {"role_ids": [ROLE]})]),
    ],
)
def test_an_update_of_a_user_contains_the_address_if_polytomic_requires_it(stub, hook, org_id, email, sent):
    stub.reply_data({"id": USER, "email": MAIL, "role_ids": [ROLE]})
    assert hook.update_user(org_id, USER, role_ids=[ROLE.upper()], email=email).role_ids == (ROLE,)
    assert [(request.method, json.loads(request.body) if request.body else None) for request in stub.requests] == sent


@pytest.mark.parametrize(
    ("method", "given"), [("create_organization", ("Acme",)), ("create_user", (ORG, MAIL)), ("create_role", (ORG, "A"))]
)
def test_a_409_to_a_creation_is_not_repeated(stub, hook, method, given):
    stub.reply(Reply(409))
    with pytest.raises(PolytomicConflictError) as caught:
        getattr(hook, method)(*given)
    assert (type(caught.value), len(stub.requests)) == (PolytomicConflictError, 1)


def test_a_409_to_an_update_means_that_the_name_is_taken(connect, polytomic, ada):
    polytomic.add_organization("Globex")
    with pytest.raises(PolytomicAlreadyExistsError) as caught:
        connect().update_organization(ada.organization_id, name="Globex")
    assert (caught.value.status, caught.value.retryable, caught.value.is_from_polytomic) == (409, False, True)
    assert caught.value.server_message
    assert len(polytomic.received("update_organization")) == 1
