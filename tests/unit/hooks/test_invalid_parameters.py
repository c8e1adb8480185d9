"""Invalid parameters are rejected before a request is sent."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import ORG, USER

ROLE = "9b2f6a10-6a52-4a0f-8d1b-0a7c5e3d2f14"
# method: its keyword arguments after the organization; ids are called user_id or role_id.
CALLS: dict[str, dict[str, Any]] = {
    "get_organization": {},
    "update_organization": {},
    "delete_organization": {},
    "list_users": {},
    "create_user": {"email": "bob@acme.example"},
    "get_user": {"user_id": USER},
    "update_user": {"user_id": USER, "role_ids": [ROLE]},
    "delete_user": {"user_id": USER},
    "create_api_key": {"user_id": USER, "idempotency_key": "issuance-0"},
    "list_roles": {},
    "create_role": {"name": "Auditor"},
    "get_role": {"role_id": ROLE},
    "update_role": {"role_id": ROLE, "name": "Auditor"},
    "delete_role": {"role_id": ROLE},
}
WITHOUT_CURRENT = {"update_organization", "delete_organization", "create_api_key"}
IDS = [(method, name) for method, given in CALLS.items() for name in given if name in ("user_id", "role_id")]


@pytest.fixture
def rejection(stub, hook):
    """Return the reason and the fields of the error; no request may be sent."""

    def reject(method, org_id=ORG, **given):
        with pytest.raises(PolytomicConfigurationError) as caught:
            getattr(hook, method)(org_id, **{**CALLS[method], **given})
        assert stub.requests == []
        return caught.value.reason, caught.value.fields

    return reject


@pytest.mark.parametrize("retry_for", [0, -1, math.nan, math.inf, 10**400, "60", None])
def test_retry_for_is_a_number_of_seconds(retry_for):
    with pytest.raises(PolytomicConfigurationError) as caught:
        PolytomicHook(retry_for=retry_for)
    assert (caught.value.reason, caught.value.fields) == ("not_a_duration", ("retry_for",))


@pytest.mark.parametrize("org_id", ["", "Current", "me", "../organization", f"{ORG}/", None, "current"])
def test_org_id_is_a_uuid_or_current_if_there_is_such_an_endpoint(rejection, org_id):
    for method in WITHOUT_CURRENT if org_id == "current" else CALLS:
        assert rejection(method, org_id) == ("not_a_uuid", ("org_id",))


@pytest.mark.parametrize(("method", "name"), IDS)
@pytest.mark.parametrize("bad", ["", "..", f"{USER}/keys", USER.replace("-", ""), None])
def test_an_id_that_is_not_a_uuid_never_reaches_a_path(rejection, method, name, bad):
    for org_id in (ORG, "current") if method not in WITHOUT_CURRENT else (ORG,):
        assert rejection(method, org_id, **{name: bad}) == ("not_a_uuid", (name,))


@pytest.mark.parametrize(("role_ids", "reason"), [([], "not_a_list"), (ROLE, "not_a_list"), (["Viewer"], "not_a_uuid")])
def test_roles_of_a_user_are_a_list_of_ids(rejection, role_ids, reason):
    assert rejection("update_user", role_ids=role_ids) == (reason, ("role_ids",))
    if role_ids:  # none: the server's default
        assert rejection("create_user", role_ids=role_ids) == (reason, ("role_ids",))


@pytest.mark.parametrize(
    ("given", "reason", "field"),
    [
        ({"clear_settings": "sso_domain"}, "settings_invalid", "clear_settings"),
        ({"clear_settings": ["name"]}, "settings_invalid", "clear_settings"),
        ({"clear_settings": ["sso_domain", "issuer"]}, "settings_invalid", "clear_settings"),
        ({"clear_settings": ["sso_domain"], "sso_domain": "acme.example"}, "settings_contradict", "sso_domain"),
    ],
)
def test_settings_of_an_organization_are_set_or_cleared(rejection, given, reason, field):
    assert rejection("update_organization", **given) == (reason, (field,))


@pytest.mark.parametrize("idempotency_key", ["", "short", "x" * 256, "with blank", "line\r\nbreak-X: 1"])
def test_an_idempotency_key_is_8_to_255_legal_characters(stub, hook, idempotency_key):
    key = {"idempotency_key": idempotency_key}
    for call in (
        partial(hook.create_api_key, ORG, USER, **key),
        partial(hook.create_user, ORG, "a@b.example", **key),
        partial(hook.create_organization, "Acme", **key),
        partial(hook.create_role, ORG, "Auditor", **key),
    ):
        with pytest.raises(PolytomicConfigurationError) as caught:
            call()
        assert caught.value.fields == ("idempotency_key",)
    assert stub.requests == []
