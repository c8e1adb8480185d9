"""What does each method about roles send, with which credential, and which roles does a name mean?"""

from __future__ import annotations

import base64

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicRejectedError,
    PolytomicUnauthorizedError,
)
from tests.unit.hooks.conftest import ORG, Request

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
    next(each for each, name in IDS.items() if name == wanted) for wanted in ("Sync Editor", "Admin", "ADMIN")
)


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@pytest.fixture(params=["partner", "deployment", "partner within another one", "a user's own"])
def scope(request, polytomic, ada, connect):
    """The hook of a caller, the organization as that caller says it, and what signs the requests for its roles."""
    org_id, key = ada.organization_id, polytomic.deployment_key
    if request.param == "partner":
        return connect(), org_id, basic(f"{org_id}:{polytomic.partner_key}")
    if request.param == "deployment":
        return connect(password=key), org_id, basic(f"{org_id}:{key}")
    if request.param == "partner within another one":
        return connect(login=polytomic.owner.id), org_id, basic(f"{org_id}:{polytomic.partner_key}")
    own = polytomic.give_key(ada.id)
    return connect(password=own), "current", f"Bearer {own}"


def test_every_method_is_signed_for_the_organization_that_is_meant(scope, sent, polytomic):
    hook, org_id, authorization = scope
    role = hook.create_role(org_id, "Auditor")
    assert role.name in [each.name for each in hook.list_roles(org_id)]
    assert hook.get_role(org_id, role.id.upper()) == role
    assert hook.update_role(org_id, role.id, "Inspector").name == "Inspector"
    assert hook.delete_role(org_id, role.id) is None
    requests = sent()
    assert requests == [
        Request("POST", PATH, {"name": "Auditor"}, has_idempotency_key=True),
        Request("GET", PATH),
        Request("GET", f"{PATH}/{role.id}"),
        Request("PUT", f"{PATH}/{role.id}", {"name": "Inspector"}),
        Request("DELETE", f"{PATH}/{role.id}"),
    ]
    assert {request.authorization for request in requests} == {authorization}


def test_the_own_organization_is_that_of_basic_and_a_bare_partner_key_has_none(connect, sent, polytomic, ada):
    connect(login=ada.organization_id).list_roles("current")
    assert sent()[0].authorization == basic(f"{ada.organization_id}:{polytomic.partner_key}")
    with pytest.raises(PolytomicForbiddenError):
        connect().list_roles("current")


def test_a_users_key_for_an_organization_by_its_id_is_told_to_say_current(connect, polytomic, ada):
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


def test_polytomics_own_roles_stay(connect, polytomic, ada):
    hook, admin = connect(), polytomic.role_id("Admin")
    for call, kind in (
        (lambda: hook.delete_role(ada.organization_id, admin), PolytomicForbiddenError),
        (lambda: hook.update_role(ada.organization_id, admin, "Boss"), PolytomicForbiddenError),
        (lambda: hook.create_role(ada.organization_id, "admin"), PolytomicRejectedError),
        (lambda: hook.get_role(ada.organization_id, ADMIN), PolytomicNotFoundError),
    ):
        with pytest.raises(kind):
            call()


@pytest.fixture
def known(stub, hook):
    """A hook to which the server tells the roles above."""
    stub.reply_data([{"id": each, "name": name} for each, name in IDS.items()])
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
def test_names_in_any_case_and_ids_each_once_and_an_exact_name_comes_first(stub, known, roles, ids, requests):
    assert known.resolve_roles(ORG, roles) == ids
    assert len(stub.requests) == requests


@pytest.mark.parametrize("name", ["admin", "AUDITOR", "Twin", "twin"])
def test_a_name_that_means_more_than_one_role_is_refused_with_those_it_could_mean(known, name):
    with pytest.raises(PolytomicConfigurationError) as caught:
        known.resolve_roles(ORG, ["Sync Editor", name])
    assert (caught.value.reason, caught.value.fields) == ("role_ambiguous", ("roles",))
    alike = {each for each, known_name in IDS.items() if known_name.lower() == name.lower()}
    assert {each for each in IDS if each in str(caught.value)} == alike


def test_an_unknown_name_is_refused_with_all_that_there_are_in_one_line(stub, known):
    forged = "Viewer\n[2031-01-06] INFO all is well"
    stub.reply_data([{"id": ADMIN, "name": "Admin"}, {"id": SYNC_EDITOR, "name": forged}], None)
    for there in ([ADMIN, SYNC_EDITOR, repr(forged)], ["There are: none"]):
        with pytest.raises(PolytomicConfigurationError) as caught:
            known.resolve_roles(ORG, ["Owner\nforged"])
        assert caught.value.reason == "role_unknown"
        assert all(text in str(caught.value) for text in there)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("roles", ["Admin", [1], [None], [["Admin"]]])
def test_roles_that_are_no_list_of_texts_are_refused_before_anything_is_sent(stub, known, roles):
    with pytest.raises(PolytomicConfigurationError) as caught:
        known.resolve_roles(ORG, roles)
    assert (caught.value.reason, caught.value.fields) == ("not_a_list", ("roles",))
    assert stub.requests == []
