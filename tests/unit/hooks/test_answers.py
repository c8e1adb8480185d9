"""What is made of a success? Values where the promised content is there, else an error that shows nothing of it."""

from __future__ import annotations

import gzip
import json

import pytest

from airflow_provider_polytomic.exceptions import PolytomicUnreadableAnswerError
from airflow_provider_polytomic.models import Identity, Organization, User
from tests.unit.hooks.conftest import NEW_KEY, ORG, USER, Reply


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        f'"{NEW_KEY}"',
        json.dumps({"data": None}),
        json.dumps({"data": []}),
        json.dumps({"data": NEW_KEY}),
        json.dumps({"value": NEW_KEY}),
        json.dumps({"data": {}}),
        json.dumps({"data": {"value": None}}),
        json.dumps({"data": {"value": ""}}),
        json.dumps({"data": {"value": 7}}),
        json.dumps({"data": {"value": [NEW_KEY]}}),
        json.dumps({"data": {"value": f"{NEW_KEY}\n"}}),
        json.dumps({"data": {"value": f"{NEW_KEY}é"}}),
        json.dumps({"data": {"value": NEW_KEY}})[:-3],
        f"<html>{NEW_KEY}</html>",
        "[" * 200_000,
        b"\xff" + NEW_KEY.encode(),
        json.dumps({"data": {"value": NEW_KEY}, "pad": "x" * 1_100_000}),
    ],
)
def test_a_success_without_a_key_is_an_error_that_does_not_show_the_body(stub, hook, body):
    stub.reply(Reply(200, body))
    with pytest.raises(PolytomicUnreadableAnswerError, match="not shown") as caught:
        hook.create_api_key(ORG, USER, idempotency_key="issuance-0")
    assert NEW_KEY[:12] not in str(caught.value)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("status", [200, 201])
def test_the_key_is_taken_from_among_unknown_fields(stub, hook, status):
    body = {"data": {"value": NEW_KEY, "id": 7, "expires_at": None}, "meta": {}}
    stub.reply(Reply(status, json.dumps(body)))
    assert hook.create_api_key(ORG, USER, idempotency_key="issuance-0").reveal() == NEW_KEY


def test_a_compressed_answer_is_bounded_by_its_real_size(stub, hook):
    small = gzip.compress(json.dumps({"data": {"id": USER}}).encode())
    bomb = gzip.compress(b'{"data": {"id": "' + USER.encode() + b'"' + b" " * 5_000_000 + b"}}")
    stub.reply(*[Reply(body=body, headers={"Content-Encoding": "gzip"}) for body in (small, bomb, b"no gzip")])
    assert hook.get_user(ORG, USER) == User(id=USER)
    for _ in range(2):
        with pytest.raises(PolytomicUnreadableAnswerError, match="too long or too damaged"):
            hook.get_user(ORG, USER)


def test_nulls_and_unknown_fields_are_tolerated(stub, hook):
    user = {"id": USER, "email": None, "role_ids": None, "harbor_ids": [1], "organization_id": ORG}
    stub.reply(Reply(body=json.dumps({"data": [user]})), Reply(body=json.dumps({"data": None})))
    assert hook.list_users(ORG) == [User(id=USER, organization_id=ORG, role_ids=())]
    assert hook.list_organizations() == []


@pytest.mark.parametrize("body", ['{"data": [{}]}', '{"data": ["x"]}', '{"data": {}}', "{}", '{"data": 0}', "x"])
def test_a_list_that_is_not_what_was_promised_is_an_error(stub, hook, body):
    stub.reply(Reply(body=body))
    with pytest.raises(PolytomicUnreadableAnswerError):
        hook.list_organizations()


@pytest.mark.parametrize("body", ['{"data": {}}', '{"data": {"value": 1}}', '{"data": []}', '{"data": {"is_user": 9}}'])
def test_an_identity_of_no_known_field_is_nobodys(stub, hook, body):
    stub.reply(Reply(body=body))
    with pytest.raises(PolytomicUnreadableAnswerError):
        hook.get_identity()


def test_each_method_returns_its_model(stub, hook):
    stub.reply(
        Reply(body=json.dumps({"data": {"id": USER, "email": "ada@acme.example", "name": "Acme", "is_user": None}}))
    )
    assert hook.get_user(ORG, USER) == User(id=USER, email="ada@acme.example")
    assert hook.create_user(ORG, "ada@acme.example", [ORG]) == User(id=USER, email="ada@acme.example")
    assert hook.create_organization("Acme", sso_domain="acme.example") == Organization(id=USER, name="Acme")
    assert hook.get_identity() == Identity(id=USER, email="ada@acme.example")
    bodies = [json.loads(request.body) for request in stub.requests if request.method == "POST"]
    assert bodies == [{"email": "ada@acme.example", "role_ids": [ORG]}, {"name": "Acme", "sso_domain": "acme.example"}]
