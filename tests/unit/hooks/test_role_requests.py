"""The credential of requests for roles, and the resolution of role names."""

from __future__ import annotations

import base64

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicUnauthorizedError,
)
from tests.unit.hooks.conftest import ORG

PATH = "/api/permissions/roles"
IDS = {
    "9b2f6a10-6a52-4a0f-8d1b-0a7c5e3d2f14": "Admin",
    "0c1d2e3f-4a5b-4c6d-8e7f-0a1b2c3d4e5f": "Sync Editor",
    "1d2e3f4a-5b6c-4d7e-9f80-1b2c3d4e5f60": "ADMIN",
    "2e3f4a5b-6c7d-4e8f-8091-2c3d4e5f6071": "Auditor",
    "3f4a5b6c-7d8e-4f90-a1b2-3d4e5f607182": "auditor",
    "4a5b6c7d-8e9f-40a1-b2c3-4e5f60718293": "Twin",
    "5b6c7d8e-9fa0-41b2-83d4-5f6071829304": "Twin",
}
SYNC_EDITOR, ADMIN, UPPER_ADMIN = (
    next(role_id for role_id, name in IDS.items() if name == wanted) for wanted in ("Sync Editor", "Admin", "ADMIN")
)


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def test_with_a_users_key_an_error_suggests_org_id_current(connect, polytomic, ada):
    hook = connect(password=polytomic.give_key(ada.id))
    calls = {
        "list_roles": (),
        "create_role": ("Auditor",),
        "get_role": (ADMIN,),
        "update_role": (ADMIN, "Auditor"),
        "delete_role": (ADMIN,),
        "resolve_roles": (["Admin"],),
    }
    for method, arguments in calls.items():
        with pytest.raises(PolytomicUnauthorizedError) as caught:
            getattr(hook, method)(ada.organization_id, *arguments)
        (note,) = caught.value.__notes__
        assert "org_id='current'" in note
    with pytest.raises(PolytomicUnauthorizedError) as caught:
        connect(password="unknown-key").list_roles("current")
    assert not hasattr(caught.value, "__notes__")


@pytest.fixture
def known(stub, hook):
    """Return a hook whose server has the roles above."""
    stub.reply_data([{"id": role_id, "name": name} for role_id, name in IDS.items()])
    return hook


@pytest.mark.parametrize(
    ("roles", "ids", "requests"),
    [
        ([], (), 0),
        ([ADMIN, SYNC_EDITOR.upper(), ADMIN.upper()], (ADMIN, SYNC_EDITOR), 0),
        ((ADMIN,), (ADMIN,), 0),
        (["sync editor", ADMIN], (SYNC_EDITOR, ADMIN), 1),
        (["sync editor", "Sync Editor", SYNC_EDITOR.upper()], (SYNC_EDITOR,), 1),
        ([" SYNC\t  editor "], (SYNC_EDITOR,), 1),
        (["Admin"], (ADMIN,), 1),
        (["ADMIN"], (UPPER_ADMIN,), 1),
    ],
)
def test_roles_are_resolved_by_id_and_by_name_in_any_case_without_duplicates(stub, known, roles, ids, requests):
    assert known.resolve_roles(ORG, roles) == ids
    assert len(stub.requests) == requests


@pytest.mark.parametrize("name", ["admin", "AUDITOR", "Twin", "twin"])
def test_an_ambiguous_name_is_rejected_with_the_matching_roles(known, name):
    with pytest.raises(PolytomicConfigurationError) as caught:
        known.resolve_roles(ORG, ["Sync Editor", name])
    assert (caught.value.reason, caught.value.fields) == ("role_ambiguous", ("roles",))
    matches = {role_id for role_id, known_name in IDS.items() if known_name.lower() == name.lower()}
    assert {role_id for role_id in IDS if role_id in str(caught.value)} == matches


def test_an_unknown_name_is_rejected_with_the_existing_roles_in_one_line(stub, known):
    forged = "Viewer\n[2031-01-06] INFO all is well"
    stub.reply_data([{"id": ADMIN, "name": "Admin"}, {"id": SYNC_EDITOR, "name": forged}], None)
    for listed in ([ADMIN, SYNC_EDITOR, repr(forged)], ["Existing roles: none"]):
        with pytest.raises(PolytomicConfigurationError) as caught:
            known.resolve_roles(ORG, ["Owner\nforged"])
        assert caught.value.reason == "role_unknown"
        assert all(role in str(caught.value) for role in listed)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("roles", ["Admin", [1], [None], [["Admin"]]])
def test_roles_that_are_not_a_list_of_strings_are_rejected_before_a_request(stub, known, roles):
    with pytest.raises(PolytomicConfigurationError) as caught:
        known.resolve_roles(ORG, roles)
    assert (caught.value.reason, caught.value.fields) == ("not_a_list", ("roles",))
    assert stub.requests == []
