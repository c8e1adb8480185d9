"""A server receives the credential, the documented headers, and nothing else."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest

from airflow_provider_polytomic import __version__
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    PolytomicConnectionError,
    PolytomicRejectedError,
)
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import NEW_KEY, ORG, PARTNER_KEY, USER, Reply

ME = Reply(body='{"data": {"is_partner": true}}')


def _basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@pytest.mark.parametrize(
    ("fields", "authorization"),
    [
        ({}, f"Bearer {PARTNER_KEY}"),
        ({"login": ORG}, _basic(f"{ORG}:{PARTNER_KEY}")),
    ],
)
def test_the_key_is_sent_as_bearer_or_with_a_login_as_basic(stub, define, fields, authorization):
    define(host=stub.base_url, **fields)
    stub.reply(ME)
    PolytomicHook().get_identity()
    assert stub.requests[0].headers["authorization"] == authorization


def test_another_key_is_sent_as_bearer_over_the_same_connection(stub, define):
    define(host=stub.base_url, login=ORG)
    stub.reply(ME)
    PolytomicHook().get_identity(ApiKey(NEW_KEY))
    assert stub.requests[0].headers["authorization"] == f"Bearer {NEW_KEY}"


def test_every_request_names_its_client_and_api_version(stub, hook):
    stub.reply(ME)
    hook.get_identity()
    expected = {
        "user-agent": f"airflow-provider-polytomic/{__version__}",
        "x-polytomic-version": "2025-09-18",
        "accept": "application/json",
    }
    assert expected.items() <= stub.requests[0].headers.items()


def test_unknown_extras_are_not_sent(stub, define):
    define(host=stub.base_url, extra={"X-Extra": "hidden-word", "headers": {"X-Other": "hidden-word"}})
    stub.reply(ME)
    hook = PolytomicHook()
    hook.get_identity()
    hook.run("/api/me")
    assert len(stub.requests) == 2
    assert "hidden-word" not in str(stub.requests)


@pytest.mark.parametrize(("force", "query"), [(False, "force=false"), (True, "force=true")])
def test_create_api_key_has_no_body_and_always_sends_force(stub, hook, force, query):
    stub.reply(Reply(body=json.dumps({"data": {"value": NEW_KEY}})))
    key = hook.create_api_key(ORG, USER, force=force, idempotency_key="issuance-0")
    (request,) = stub.requests
    assert (request.method, request.path) == ("POST", f"/api/organizations/{ORG}/users/{USER}/keys?{query}")
    assert request.body == b""
    assert request.headers["idempotency-key"] == "issuance-0"
    assert key.matches(ApiKey(NEW_KEY))


def test_a_netrc_entry_does_not_replace_the_key(stub, hook, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login netrc-user password netrc-password\n")
    monkeypatch.setenv("NETRC", str(netrc))
    stub.reply(ME)
    hook.get_identity()
    hook.get_conn().get(f"{stub.base_url}/api/me", timeout=30)
    assert [request.headers["authorization"] for request in stub.requests] == [f"Bearer {PARTNER_KEY}"] * 2


def test_a_redirect_is_never_followed_and_its_host_is_named(stub, other_stub, hook):
    stub.reply(Reply(status=307, headers={"Location": f"http://localhost:{other_stub.port}/api/me?secret"}))
    with pytest.raises(PolytomicRejectedError) as caught:
        hook.get_identity()
    assert (caught.value.status, caught.value.reason) == (307, "redirect")
    assert "to localhost." in str(caught.value)
    assert "secret" not in str(caught.value)
    assert (len(stub.requests), len(other_stub.requests)) == (1, 0)


@pytest.mark.parametrize("location", ["/elsewhere", "//[broken", "", "http://x\x00y/", None])
def test_a_malformed_location_of_a_redirect_is_an_ordinary_error(stub, hook, location):
    stub.reply(Reply(status=302, body="x" * 100, headers={} if location is None else {"Location": location}))
    with pytest.raises(PolytomicRejectedError):
        hook.get_identity()


def test_the_session_of_get_conn_signs_requests_to_its_server_and_to_no_other(stub, other_stub, hook):
    session = hook.get_conn()
    session.get(f"{stub.base_url}/api/me", timeout=30)
    session.get(f"{other_stub.base_url}/api/me", timeout=30)
    assert stub.requests[0].headers["authorization"] == f"Bearer {PARTNER_KEY}"
    assert "authorization" not in other_stub.requests[0].headers


def test_cookies_are_not_sent_back(stub, hook):
    stub.reply(Reply(body=ME.body, headers={"Set-Cookie": "session=partner; Path=/"}))
    hook.get_identity()
    hook.get_conn().get(f"{stub.base_url}/api/me", timeout=30)
    hook.get_identity(ApiKey(NEW_KEY))
    assert len(stub.requests) == 3
    assert not any("cookie" in request.headers for request in stub.requests)


REMOTE = "http://polytomic.example"


@pytest.fixture
def no_exceptions(monkeypatch):
    """Remove the environment's own exceptions from its proxies."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_proxy_of_the_connection_is_used_and_its_password_not_shown(other_stub, define):
    proxy = f"http://me:hidden-word@127.0.0.1:{other_stub.port}"
    define(host=REMOTE, extra={"allow_http": True, "proxy": proxy})
    other_stub.reply(ME, Reply(lost=True))
    hook = PolytomicHook(stopping=lambda: True)
    hook.get_identity()
    assert other_stub.requests[0].path == f"{REMOTE}/api/me"
    with pytest.raises(PolytomicConnectionError) as caught:
        hook.get_identity()
    assert caught.value.reason == "proxy_failed"
    assert "hidden-word" not in str(caught.value)


@pytest.fixture
def variable(request, other_stub, monkeypatch):
    """Set a variable of the environment to the address of a proxy."""
    if request.param != "connection":
        monkeypatch.setenv(request.param, other_stub.base_url)
    return request.param


@pytest.mark.usefixtures("no_exceptions")
def test_a_proxy_of_the_environment_is_used(other_stub, define, monkeypatch):
    monkeypatch.setenv("http_proxy", other_stub.base_url)
    define(host=REMOTE, extra={"allow_http": True})
    other_stub.reply(ME)
    PolytomicHook().get_identity()
    assert [request.path for request in other_stub.requests] == [f"{REMOTE}/api/me"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.0.1."])
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "connection"], indirect=True)
@pytest.mark.usefixtures("no_exceptions")
def test_a_server_on_this_machine_is_reached_without_a_proxy(stub, other_stub, define, host, variable):
    """A proxy would receive the key in plain text."""
    extra = {"proxy": other_stub.base_url} if variable == "connection" else {}
    url = f"http://{host}:{stub.port}"
    define(host=url, extra={"allow_http": True, **extra})
    stub.reply(ME)
    hook = PolytomicHook(stopping=lambda: True)
    with suppress(PolytomicConnectionError):  # a resolver may not know every form
        hook.get_identity()
        hook.get_conn().get(f"{url}/api/me", timeout=30)
        assert len(stub.requests) == 2
    assert other_stub.requests == []


def test_requests_share_pooled_connections_and_a_closed_hook_can_be_used_again(stub, hook):
    stub.reply(ME)
    session = hook.get_conn()
    hook.get_identity()
    hook.close()
    hook.get_identity()
    assert hook.get_conn() is session
    assert len(stub.requests) == 2


def test_the_connections_own_key_is_recognised(define):
    define()
    hook = PolytomicHook()
    assert hook.is_own_key(ApiKey(PARTNER_KEY))
    assert not hook.is_own_key(ApiKey(NEW_KEY))
