"""What is refused before a request is sent? Ids that could be paths, organizations left to guess, roles in two ways."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from tests.unit.hooks.conftest import ORG, USER

ROLE = "9b2f6a10-6a52-4a0f-8d1b-0a7c5e3d2f14"
CALLS = {
    "list_users": (),
    "create_user": ("bob@acme.example",),
    "get_user": (USER,),
    "update_user": (USER,),
    "delete_user": (USER,),
    "list_roles": (),
    "create_role": ("Auditor",),
    "get_role": (ROLE,),
    "update_role": (ROLE, "Auditor"),
    "delete_role": (ROLE,),
    "get_organization": (),
    "update_organization": (),
    "delete_organization": (),
}
CURRENT_HAS_NONE = {"update_organization", "delete_organization"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"role_ids": []},
        {"role_ids": ROLE},
        {"role_ids": ["Viewer"]},
        {"role_ids": [ROLE], "role": "admin"},
        {"role_ids": [], "role": "admin"},
    ],
)
@pytest.mark.parametrize("org_id", [ORG, "current"])
def test_roles_that_cannot_be_meant_are_refused_before_anything_is_sent(stub, hook, org_id, given):
    with pytest.raises(PolytomicConfigurationError, match="No request was sent"):
        hook.update_user(org_id, USER, **given)
    if given.get("role_ids"):
        with pytest.raises(PolytomicConfigurationError, match="No request was sent"):
            hook.create_user(org_id, "bob@acme.example", **given)
    assert stub.requests == []


@pytest.mark.parametrize("org_id", ["", "Current", "me", "../organization", f"{ORG}/", None])
@pytest.mark.parametrize("method", CALLS)
def test_an_organization_that_is_neither_an_id_nor_the_word_is_refused_before_anything_is_sent(
    stub, hook, method, org_id
):
    more = {"role": "user"} if method == "update_user" else {}
    with pytest.raises(PolytomicConfigurationError, match="org_id must be a UUID"):
        getattr(hook, method)(org_id, *CALLS[method], **more)
    assert stub.requests == []


@pytest.mark.parametrize("method", sorted(CURRENT_HAS_NONE))
def test_the_own_organization_can_be_neither_changed_nor_deleted(stub, hook, method):
    with pytest.raises(PolytomicConfigurationError, match="org_id must be a UUID"):
        getattr(hook, method)("current")
    assert stub.requests == []


@pytest.mark.parametrize("method", [name for name, given in CALLS.items() if given and given[0] in (USER, ROLE)])
@pytest.mark.parametrize("org_id", [ORG, "current"])
@pytest.mark.parametrize("bad", ["", "x", "..", f"{USER}/keys", USER.replace("-", ""), None])
def test_an_id_that_is_no_uuid_never_reaches_a_path(stub, hook, method, org_id, bad):
    more = {"role": "user"} if method == "update_user" else {}
    with pytest.raises(PolytomicConfigurationError, match="_id must be a UUID"):
        getattr(hook, method)(org_id, bad, *CALLS[method][1:], **more)
    assert stub.requests == []


@pytest.mark.parametrize("method", ["list_users", "get_user", "create_user", "update_user", "delete_user"])
@pytest.mark.parametrize("version", ["2023-04-25", "2024-02-08"])
def test_the_own_organization_of_a_version_without_such_paths_is_refused_before_anything_is_sent(
    stub, define, hook, method, version
):
    define(host=stub.base_url, extra={"api_version": version})
    more = {"role": "user"} if method == "update_user" else {}
    with pytest.raises(PolytomicConfigurationError, match=rf"2025-09-18.*{version}.*No request was sent"):
        getattr(hook, method)("current", *CALLS[method], **more)
    assert stub.requests == []


@pytest.mark.parametrize(
    "given",
    [
        {"clear": "sso_domain"},
        {"clear": ["name"]},
        {"clear": ["sso_domain", "issuer"]},
        {"clear": ["sso_domain"], "sso_domain": "acme.example"},
    ],
)
def test_settings_of_an_organization_that_cannot_be_meant(stub, hook, given):
    with pytest.raises(PolytomicConfigurationError, match="No request was sent"):
        hook.update_organization(ORG, **given)
    assert stub.requests == []


@pytest.mark.parametrize("idempotency_key", ["", "short", "with blank"])
def test_an_idempotency_key_that_is_none_of_a_creation(stub, hook, idempotency_key):
    for call in (
        lambda: hook.create_user(ORG, "a@b.example", idempotency_key=idempotency_key),
        lambda: hook.create_organization("Acme", idempotency_key=idempotency_key),
        lambda: hook.create_role(ORG, "Auditor", idempotency_key=idempotency_key),
    ):
        with pytest.raises(PolytomicConfigurationError, match="Idempotency-Key"):
            call()
    assert stub.requests == []
