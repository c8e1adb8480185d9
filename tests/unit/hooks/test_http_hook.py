"""The methods that the hook inherits from HttpHook."""

from __future__ import annotations

import pytest
import requests
import tenacity
from airflow.providers.http.hooks.http import HttpHook

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicForbiddenError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import PARTNER_KEY, Reply


def assert_rejected(stub, call):
    with pytest.raises(PolytomicConfigurationError) as caught:
        call()
    assert caught.value.reason == "free_form_request"
    assert stub.requests == []


def test_it_is_an_http_hook(define):
    define(host="polytomic.example.com")
    assert issubclass(PolytomicHook, HttpHook)
    assert PolytomicHook().url_from_endpoint("/api/me") == "https://polytomic.example.com/api/me"


@pytest.mark.parametrize("endpoint", ["/api/me", "api/me", "//api/me"])
def test_run_sends_a_get_to_the_server_and_returns_its_response(stub, hook, endpoint):
    stub.reply(Reply(body='{"data": {"email": "é"}}'))
    response = hook.run(endpoint, {"page": 2})
    assert response.json() == {"data": {"email": "é"}}
    assert (response.status_code, response.ok) == (200, True)
    assert (stub.requests[0].method, stub.requests[0].path) == ("GET", "/api/me?page=2")
    assert stub.requests[0].headers["authorization"] == f"Bearer {PARTNER_KEY}"


@pytest.mark.parametrize(
    "given",
    [
        {"headers": {"X-Mine": "1"}},
        {"extra_options": {"check_response": False}},
        {"json": {}},
        {"data": "text"},
        {"auth": ("a", "b")},
    ],
)
def test_run_accepts_only_query_parameters(stub, hook, given):
    assert_rejected(stub, lambda: hook.run("/api/me", **given))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_get_can_be_run(stub, hook, method):
    hook.method = method
    assert_rejected(stub, lambda: hook.run("/api/me"))
    stop = {"stop": tenacity.stop_after_attempt(2), "reraise": True}
    assert_rejected(stub, lambda: hook.run_with_advanced_retry(stop, "/api/me"))
    prepared = requests.Request(method, stub.base_url).prepare()
    assert_rejected(stub, lambda: hook.run_and_check(hook.get_conn(), prepared, {}))


def test_run_with_advanced_retry_runs_the_same_get(stub, hook):
    stub.reply(Reply(403), Reply(body="{}"))
    retries = {"stop": tenacity.stop_after_attempt(2), "wait": tenacity.wait_none()}
    assert hook.run_with_advanced_retry(retries, "/api/me").json() == {}


def test_an_error_is_the_packages_own_and_its_body_is_not_logged(stub, hook, caplog, capfd):
    stub.reply(Reply(403, "hidden-word"))
    with pytest.raises(PolytomicForbiddenError):
        hook.run("/api/me")
    with pytest.raises(PolytomicForbiddenError) as caught:
        hook.check_response(hook.get_conn().get(f"{stub.base_url}/api/me?hidden-word", timeout=30))
    assert caught.value.request == "GET /api/me"
    assert "hidden-word" not in caplog.text + "".join(capfd.readouterr())


def test_get_conn_accepts_no_headers_because_the_session_is_shared(stub, hook):
    assert_rejected(stub, lambda: hook.get_conn({"X-Mine": "1"}))
    assert hook.get_conn() is hook.get_conn({}, {})
