"""Does a client secret arrive at Polytomic, from an Airflow connection, and show itself nowhere on its way?"""

from __future__ import annotations

import copy
import json
import logging
import pickle
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import BaseHook, redact

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicError,
    PolytomicRejectedError,
    PolytomicUnreadableAnswerError,
)
from airflow_provider_polytomic.hooks._oidc import read_oidc_client
from airflow_provider_polytomic.secret import Secret
from tests.unit.hooks.conftest import ORG, PARTNER_KEY, Reply
from tests.unit.hooks.told import assert_tells_no_key

CLIENT_SECRET = "Zq7~client.secret/With+Signs=42 and a blank"
ISSUER = "https://id.acme.example"


@pytest.fixture
def client(define):
    define("acme_oidc", conn_type="http", login="polytomic-at-acme", password=CLIENT_SECRET)
    return read_oidc_client("acme_oidc", BaseHook.get_connection)


@pytest.fixture
def settings(client):
    return {"issuer": ISSUER, "client_id": client.client_id, "client_secret": client.client_secret}


def test_it_arrives_on_creation_and_on_update(connect, polytomic, settings):
    hook = connect()
    organization = hook.create_organization("Acme", **settings)
    assert polytomic.organizations()[-1].client_secret == CLIENT_SECRET
    hook.update_organization(organization.id, **settings | {"client_secret": Secret("another-client-secret")})
    assert polytomic.organizations()[-1].client_secret == "another-client-secret"


def test_nothing_that_is_shown_of_it_or_logged_at_debug_holds_it(
    connect, polytomic, settings, client, *, caplog, capfd
):
    polytomic.inject("status:503 endpoint=create_organization")
    with caplog.at_level(logging.DEBUG):
        organization = connect().create_organization("Acme", **settings)
    told = caplog.text + "".join(capfd.readouterr())
    assert "urllib3" in told
    for text in (
        told,
        repr(client),
        str(client),
        repr(settings),
        f"{settings['client_secret']:>40}",
        repr(organization),
    ):
        assert CLIENT_SECRET[:12] not in text


def test_airflow_masks_it_once_its_connection_was_read(client):
    assert CLIENT_SECRET not in redact(f"somebody prints {CLIENT_SECRET}")


def _echo(text: str) -> Reply:
    return Reply(422, json.dumps({"key": "k", "message": text, "metadata": {"was": text}, "status": 422}))


TROUBLES = {
    "lost": Reply(lost=True),
    "refused": Reply(403),
    "echoed": _echo(f"client_secret {CLIENT_SECRET} is too short"),
    "a piece of it echoed": _echo(f"bad client_secret {CLIENT_SECRET[3:20]}..."),
    "echoed in upper case": _echo(CLIENT_SECRET.upper()),
    "as the error's key": Reply(422, json.dumps({"key": CLIENT_SECRET, "message": "no", "status": 422})),
    "in a page": Reply(200, f"<p>{CLIENT_SECRET}</p>"),
    "in the answer": Reply(200, json.dumps({"data": {"name": CLIENT_SECRET}})),
    "in a conflict": Reply(409, json.dumps({"error": CLIENT_SECRET, "code": 409, "status": "Conflict"})),
    "in a redirect": Reply(302, headers={"Location": f"https://evil.example/?{CLIENT_SECRET.replace(' ', '+')}"}),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("method", ["create", "update"])
def test_no_error_holds_it_not_even_when_the_server_echoes_it(stub, hook, settings, trouble, method):
    readable = {"id": ORG, "name": "Acme", "issuer": ISSUER, "sso_domain": None, "sso_org_id": None}
    current = Reply(body=json.dumps({"data": readable}))
    stub.reply(*([current] if method == "update" else []), TROUBLES[trouble])
    what = "Acme" if method == "create" else ORG
    with pytest.raises(PolytomicError) as caught:
        getattr(hook, f"{method}_organization")(what, **settings)
    assert_tells_no_key(caught.value, CLIENT_SECRET, PARTNER_KEY)
    assert json.loads(stub.requests[-1].body)["client_secret"] == CLIENT_SECRET


def test_what_the_server_says_beside_it_stays(stub, hook, settings):
    stub.reply(TROUBLES["echoed"])
    with pytest.raises(PolytomicRejectedError, match=r"client_secret \*\*\* is too short"):
        hook.create_organization("Acme", **settings)


def test_an_answer_that_holds_it_as_a_name_is_unreadable_or_has_no_secret_field(stub, hook, settings):
    stub.reply(Reply(body=json.dumps({"data": {"id": ORG, "client_secret": CLIENT_SECRET}})))
    assert CLIENT_SECRET not in repr(hook.create_organization("Acme", **settings))
    stub.reply(Reply(body=json.dumps({"data": {"id": 7, "client_secret": CLIENT_SECRET}})))
    with pytest.raises(PolytomicUnreadableAnswerError) as caught:
        hook.create_organization("Acme", **settings)
    assert_tells_no_key(caught.value, CLIENT_SECRET)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        (None, "no connection 'acme_oidc'"),
        ({"login": "polytomic-at-acme", "password": None}, "no login and password"),
        ({"login": None, "password": CLIENT_SECRET}, "no login and password"),
        ({"login": "", "password": CLIENT_SECRET}, "no login and password"),
    ],
)
def test_a_connection_that_holds_no_client_is_refused_and_not_shown(define, fields, what):
    if fields is not None:
        define("acme_oidc", conn_type="http", **fields)
    with pytest.raises(PolytomicConfigurationError, match=what) as caught:
        read_oidc_client("acme_oidc", BaseHook.get_connection)
    assert "Nothing was changed" in str(caught.value)
    assert_tells_no_key(caught.value, CLIENT_SECRET)


def test_a_connection_whose_password_cannot_be_sent_is_refused_and_not_shown():
    held = SimpleNamespace(login="polytomic-at-acme", password=f"{CLIENT_SECRET}\ud800")
    with pytest.raises(PolytomicConfigurationError, match="no password that can be sent") as caught:
        read_oidc_client("acme_oidc", lambda _conn_id: held)
    assert_tells_no_key(caught.value, CLIENT_SECRET)


@pytest.mark.parametrize("secret", [Secret(CLIENT_SECRET), ApiKey(PARTNER_KEY)])
def test_a_secret_shows_itself_to_reveal_alone(secret):
    text = secret.reveal()
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>60}",
        f"{secret!r}",
        "{}".format(secret),  # noqa: UP032 (the way that is tested)
        repr([secret]),
    ):
        assert text[:12] not in shown
    assert not hasattr(secret, "__dict__")
    for duplicate in (copy.copy(secret), copy.deepcopy(secret), copy.deepcopy([secret])[0]):
        assert duplicate is secret
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"secret": secret})
    assert secret != type(secret)(text)


@pytest.mark.parametrize("text", ["", None, 7, b"bytes-of-a-secret", "bytes-of\ud800", "\udfff bytes-of"])
def test_what_is_no_text_is_no_secret(text):
    with pytest.raises(ValueError, match="non-empty text") as caught:
        Secret(text)
    assert "bytes-of" not in str(caught.value)
