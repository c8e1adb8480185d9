"""A success becomes a value if it has the documented content, or an error that does not show the body."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from airflow_provider_polytomic.exceptions import PolytomicInvalidResponseError, PolytomicMissingKeyError
from airflow_provider_polytomic.hooks._transport import MAX_BODY, MAX_LIST
from airflow_provider_polytomic.models import Identity, Organization, User
from tests.unit.hooks.conftest import NEW_KEY, ORG, USER, Reply

OTHER = "5f0e8a31-2b7c-4d19-8e46-9a3c1d5b7f20"
ROLE = "9b2f6a10-6a52-4a0f-8d1b-0a7c5e3d2f14"
ACME = {"id": ORG, "name": "Acme", "issuer": None, "sso_domain": None, "sso_org_id": None}
ADA = {"id": USER, "email": "ada@acme.example", "organization_id": ORG}
AUDITOR = {"id": ROLE, "name": "Auditor", "organization_id": ORG}
# method: (arguments, keyword arguments, the expected data)
CALLS: dict[str, tuple[tuple[str, ...], dict[str, Any], dict[str, Any]]] = {
    "get_organization": ((ORG,), {}, ACME),
    "create_organization": (("Acme",), {}, ACME),
    "update_organization": ((ORG,), {"name": "Acme"}, ACME),
    "list_users": ((ORG,), {}, ADA),
    "get_user": ((ORG, USER), {}, ADA),
    "create_user": ((ORG, "Ada@Acme.example"), {}, ADA),
    "update_user": ((ORG, USER), {"role_ids": [ROLE], "email": "ada@acme.example"}, ADA),
    "get_role": ((ORG, ROLE), {}, AUDITOR),
    "create_role": ((ORG, "Auditor"), {}, AUDITOR),
    "update_role": ((ORG, ROLE, "Auditor"), {}, AUDITOR),
    "list_organizations": ((), {}, ACME),
    "list_roles": ((ORG,), {}, AUDITOR),
}


@pytest.fixture
def call(stub, hook):
    """Call a method; the server returns the expected data with these fields changed."""

    def call_method(method: str, changed: dict[str, Any], arguments: tuple[str, ...] | None = None) -> Any:
        usual, named, expected = CALLS[method]
        data = [expected | changed] if method.startswith("list") else expected | changed
        stub.reply_data(*([ACME] if method == "update_organization" else []), data)
        return getattr(hook, method)(*(usual if arguments is None else arguments), **named)

    return call_method


@pytest.mark.parametrize(
    ("method", "field", "value"),
    [
        ("get_organization", "id", OTHER),
        ("update_organization", "id", OTHER),
        ("create_organization", "name", "Globex"),
        ("update_organization", "name", "Globex"),
        ("list_users", "organization_id", OTHER),
        ("get_user", "id", OTHER),
        ("get_user", "organization_id", OTHER),
        ("create_user", "email", "bob@acme.example"),
        ("create_user", "organization_id", OTHER),
        ("update_user", "id", OTHER),
        ("update_user", "organization_id", OTHER),
        ("get_role", "id", OTHER),
        ("create_role", "name", "Viewer"),
        ("update_role", "id", OTHER),
        ("update_role", "name", "Viewer"),
    ],
)
def test_a_response_about_another_object_is_rejected_and_not_shown(call, method, field, value):
    with pytest.raises(PolytomicInvalidResponseError) as caught:
        call(method, {field: value})
    assert caught.value.reason == "content_missing"
    assert value not in str(caught.value)


@pytest.mark.parametrize("method", CALLS)
def test_a_response_may_differ_in_case_or_omit_fields(call, method):
    usual, _named, right = CALLS[method]
    ids = {name: value.upper() for name, value in right.items() if name in ("id", "organization_id")}
    for changed in ({}, ids, dict.fromkeys({"email", "organization_id"} & set(right))):
        assert call(method, changed)
    assert call(
        method, {}, tuple(argument.upper() if argument in (ORG, USER, ROLE) else argument for argument in usual)
    )


@pytest.mark.parametrize("method", ["list_users", "get_user", "create_user"])
def test_for_the_current_organization_any_organization_id_is_accepted(call, method):
    assert call(method, {"organization_id": OTHER}, ("current", *CALLS[method][0][1:]))


@pytest.mark.parametrize("bad", ["", "../organization", f"{ORG}/users", "x" * 36, 7, None, [ORG]])
@pytest.mark.parametrize("method", CALLS)
def test_an_id_in_a_response_that_is_not_a_uuid_is_rejected(call, method, bad):
    with pytest.raises(PolytomicInvalidResponseError):
        call(method, {"id": bad})


@pytest.mark.parametrize(
    ("body", "is_polytomics"),
    [
        ("", False),
        ("null", False),
        ("[]", False),
        ("{}", False),
        (f'"{NEW_KEY}"', False),
        (json.dumps({"data": None}), False),
        (json.dumps({"data": NEW_KEY}), False),
        (json.dumps({"value": NEW_KEY}), False),
        (json.dumps({"data": {"value": NEW_KEY}})[:-3], False),
        (f"<html>{NEW_KEY}</html>", False),
        ("[" * 200_000, False),
        (b"\xff" + NEW_KEY.encode(), False),
        (json.dumps({"data": {"value": NEW_KEY}, "pad": "x" * 1_100_000}), False),
        (json.dumps({"data": {}}), True),
        (json.dumps({"data": {"value": None}}), True),
        (json.dumps({"data": {"value": ""}}), True),
        (json.dumps({"data": {"value": [NEW_KEY]}}), True),
        (json.dumps({"data": {"value": f"{NEW_KEY}\n"}}), True),
        (json.dumps({"data": {"value": f"{NEW_KEY}é"}}), True),
    ],
)
def test_a_success_without_a_key_is_an_error_that_does_not_show_the_body(stub, hook, body, is_polytomics):
    stub.reply(Reply(200, body))
    with pytest.raises(PolytomicInvalidResponseError) as caught:
        hook.create_api_key(ORG, USER, idempotency_key="issuance-0")
    assert isinstance(caught.value, PolytomicMissingKeyError) is is_polytomics
    assert NEW_KEY[:12] not in str(caught.value)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("status", [200, 201])
def test_unknown_fields_beside_the_key_are_ignored(stub, hook, status):
    body = {"data": {"value": NEW_KEY, "id": 7, "expires_at": None}, "meta": {}}
    stub.reply(Reply(status, json.dumps(body)))
    assert hook.create_api_key(ORG, USER, idempotency_key="issuance-0").reveal() == NEW_KEY


def test_nulls_and_unknown_fields_are_tolerated(stub, hook):
    user = {"id": USER, "email": None, "role_ids": None, "harbor_ids": [1], "organization_id": ORG}
    stub.reply_data([user], None, {"id": USER, "is_user": None, "is_partner": True}, {"id": ORG, "name": None})
    assert hook.list_users(ORG) == [User(id=USER, organization_id=ORG, role_ids=())]
    assert hook.list_organizations() == []
    assert hook.get_identity() == Identity(id=USER, is_partner=True)
    assert hook.get_organization(ORG) == Organization(id=ORG)


@pytest.mark.parametrize("body", ['{"data": [{}]}', '{"data": ["x"]}', '{"data": {}}', "{}", '{"data": 0}', "x"])
def test_a_success_without_the_documented_content_is_an_error(stub, hook, body):
    stub.reply(Reply(body=body))
    for call in (hook.list_organizations, hook.get_identity, lambda: hook.get_organization(ORG)):
        with pytest.raises(PolytomicInvalidResponseError):
            call()


def test_the_limit_for_a_compressed_response_is_its_decompressed_size(stub, hook):
    small = gzip.compress(json.dumps({"data": {"id": USER}}).encode())
    bomb = gzip.compress(b'{"data": {"id": "' + USER.encode() + b'"' + b" " * 5_000_000 + b"}}")
    stub.reply(*[Reply(body=body, headers={"Content-Encoding": "gzip"}) for body in (small, bomb, b"no gzip")])
    assert hook.get_user(ORG, USER) == User(id=USER)
    for _ in range(2):
        with pytest.raises(PolytomicInvalidResponseError) as caught:
            hook.get_user(ORG, USER)
        assert caught.value.reason == "content_unreadable"


def test_lists_have_a_higher_limit_of_size_than_other_responses(stub, hook):
    many = [{"id": f"{number:08d}-aa70-47b8-a036-33ac447e668d", "name": f"No {number}"} for number in range(20_000)]
    stub.reply_data(many)
    assert len(stub.replies[0].body) > MAX_BODY
    for call in (hook.list_organizations, lambda: hook.list_users(ORG), lambda: hook.list_roles(ORG)):
        assert len(call()) == len(many)
    with pytest.raises(PolytomicInvalidResponseError):
        hook.get_organization(ORG)
    empty = '{"data": []}'
    stub.reply(*(Reply(body=empty + " " * (length - len(empty))) for length in (MAX_LIST, MAX_LIST + 1)))
    assert hook.list_users(ORG) == []
    with pytest.raises(PolytomicInvalidResponseError):
        hook.list_users(ORG)
