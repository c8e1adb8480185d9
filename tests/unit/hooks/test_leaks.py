"""No error and no log line of the hook contains a key."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import socket
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, urlencode

import pytest

from airflow_provider_polytomic.credentials import ApiKey, Secret
from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.hooks._redaction import redact
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import ClientCache
from tests.fakes.endless_server import EndlessServer
from tests.unit.hooks.conftest import NEW_KEY, ORG, PARTNER_KEY, USER, Reply, Stub
from tests.unit.hooks.exposure import BASIC, OURS, assert_contains_no_key

if TYPE_CHECKING:
    from collections.abc import Callable


def _echo(body: dict[str, Any]) -> Reply:
    return Reply(422, json.dumps(body))


TROUBLES = {
    "lost": Reply(lost=True),
    "truncated": Reply(200, json.dumps({"data": {"value": NEW_KEY}}), length=4000),
    "not a key": Reply(200, json.dumps({"data": {"value": f"{NEW_KEY} "}})),
    "not JSON": Reply(200, f"<p>{NEW_KEY}</p>"),
    "too long": Reply(200, json.dumps({"data": {"value": NEW_KEY}, "pad": "x" * 1_100_000})),
    "a key in an error body": Reply(500, json.dumps({"message": "no", "status": 500, "data": {"value": NEW_KEY}})),
    "the caller's key in the words": _echo({"message": f"bad key {PARTNER_KEY}", "status": 422}),
    "a piece of it": _echo({"message": f"bad key {PARTNER_KEY[4:18]}...", "status": 422}),
    "the header in the words": _echo({"error": f"bad header Basic {BASIC}", "status": "No"}),
    "the new key in the words": _echo({"message": f"value {NEW_KEY} exists", "status": 422}),
    "a key as the error's key": _echo({"message": "no", "key": PARTNER_KEY}),
    "401": Reply(401),
    "redirect": Reply(302, headers={"Location": f"https://evil.example/?key={PARTNER_KEY}"}),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("login", [None, ORG])
def test_no_error_of_create_api_key_contains_a_key(stub: Stub, define: Callable[..., None], fake_time, trouble, login):
    define(host=stub.base_url, login=login)
    stub.reply(TROUBLES[trouble])
    with pytest.raises(PolytomicError) as caught:
        PolytomicHook(retry_for=2, clock=fake_time.clock).create_api_key(ORG, USER, idempotency_key="issuance-0")
    assert_contains_no_key(caught.value, PARTNER_KEY, NEW_KEY)


@pytest.mark.parametrize(
    "trouble", [*TROUBLES.values(), _echo({"message": f"bad key {NEW_KEY[:14]}...", "status": 422})]
)
def test_no_error_about_a_checked_key_contains_the_key(stub, hook, trouble):
    stub.reply(trouble)
    with pytest.raises(PolytomicError) as caught:
        hook.get_identity(ApiKey(NEW_KEY))
    assert_contains_no_key(caught.value, PARTNER_KEY, NEW_KEY)


class _Interruption(BaseException):
    """Like Airflow's timeouts: a BaseException, not an Exception."""


def test_an_exception_of_a_signal_during_a_request_has_no_frame_with_a_key(define):
    def interrupt(*_args: object) -> None:
        raise _Interruption

    before = signal.signal(signal.SIGUSR1, interrupt)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        define(host=f"http://127.0.0.1:{silent.getsockname()[1]}")

        def interrupt_when_asked() -> None:
            with silent.accept()[0] as connection:
                connection.recv(4096)
                os.kill(os.getpid(), signal.SIGUSR1)
                connection.recv(1)

        server = threading.Thread(target=interrupt_when_asked)
        server.start()
        hook = PolytomicHook()
        with pytest.raises(_Interruption) as caught:
            hook.create_api_key(ORG, USER, idempotency_key="issuance-0")
        hook.close()
        server.join()
    signal.signal(signal.SIGUSR1, before)
    assert_contains_no_key(caught.value, PARTNER_KEY)


def _interrupted_lookup(*_args: object) -> Any:
    """Raise while a backend has all its secrets in a local variable."""
    all_secrets = f"{PARTNER_KEY}"
    raise _Interruption(len(all_secrets))


def test_an_exception_of_a_signal_during_a_lookup_has_no_frame_with_the_backends_secrets(monkeypatch):
    with pytest.raises(_Interruption) as raised:
        _interrupted_lookup()
    assert PARTNER_KEY in _format_with_locals(raised.value)  # it would show without the hook's doing
    monkeypatch.setattr(PolytomicHook, "get_connection", _interrupted_lookup)
    for lookup in (lambda: PolytomicHook().base_url, lambda: ClientCache().get("writer", "Vault", _interrupted_lookup)):
        with pytest.raises(_Interruption) as caught:
            lookup()
        assert PARTNER_KEY not in _format_with_locals(caught.value)


def _format_with_locals(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize(
    "fields",
    [
        {"extra": {"timeout": "x"}},
        {"host": "http://far.example"},
        {"password": f"{NEW_KEY} x"},
        {"host": f"https://:{PARTNER_KEY}@app.polytomic.com"},  # by mistake
    ],
)
def test_no_error_about_a_connection_contains_its_password(define, fields):
    define(**fields)
    with pytest.raises(PolytomicError) as caught:
        _ = PolytomicHook().settings
    assert_contains_no_key(caught.value, PARTNER_KEY, NEW_KEY)


def test_the_leak_check_itself_finds_a_key_in_a_frame():
    namespace: dict[str, Any] = {"__name__": f"{OURS}.fake", "secret": PARTNER_KEY}
    exec("def fail(text):\n    raise ValueError('x')", namespace)
    with pytest.raises(ValueError, match="x") as caught:
        namespace["fail"](PARTNER_KEY)
    with pytest.raises(AssertionError):
        assert_contains_no_key(caught.value, PARTNER_KEY)


def test_no_debug_log_contains_a_key(stub, hook, caplog, capfd):
    stub.reply(Reply(503), Reply(body=json.dumps({"data": {"value": NEW_KEY, "is_user": True}})))
    with caplog.at_level(logging.DEBUG):
        hook.create_api_key(ORG, USER, idempotency_key="issuance-0")
        hook.get_identity(ApiKey(NEW_KEY))
    output = caplog.text + "".join(capfd.readouterr())
    assert "urllib3" not in output
    for line in output.splitlines():
        assert NEW_KEY[:12] not in line
        assert PARTNER_KEY[:12] not in line


BROKEN_HEADERS = {
    "a byte beyond ASCII": b"X-Echo\xff: %s\r\nContent-Length: 0\r\n\r\n",
    "no blank line before the body": b'Content-Type: application/json\r\n{"data": {"value": "%s"}}\r\n\r\n',
    "no colon": b"%s\r\n\r\n",
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2\r\nX-Echo: %s\r\n\r\n",
    "length and chunks": b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\nX-Echo: %s\r\n\r\n0\r\n\r\n",
}


@pytest.fixture
def debug_level(monkeypatch):
    """Let http.client print every header, as a program that debugs its own requests does."""
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 2)


@pytest.mark.parametrize("headers", BROKEN_HEADERS.values(), ids=BROKEN_HEADERS)
@pytest.mark.parametrize("key", [PARTNER_KEY, NEW_KEY])
@pytest.mark.usefixtures("debug_level")
def test_a_key_in_headers_that_cannot_be_parsed_is_not_logged(define, caplog, capfd, headers, key):
    server = EndlessServer(b"HTTP/1.1 200 OK\r\n" + headers % key.encode(), None)
    define(host=server.base_url)
    with caplog.at_level(logging.DEBUG), suppress(PolytomicError):
        PolytomicHook(stopping=lambda: True).create_api_key(ORG, USER, idempotency_key="issuance-0")
    server.stop()
    output = caplog.text + "".join(capfd.readouterr())
    assert server.connections == 1
    assert key[:12] not in output
    assert "urllib3" not in output


@pytest.mark.usefixtures("debug_level")
def test_the_debug_level_of_http_client_prints_nothing_of_a_users_request_either(stub, hook, capfd):
    session = hook.get_conn()
    capfd.readouterr()  # Airflow 2.11 reports that it reads the connection
    session.get(f"{stub.base_url}/api/me", timeout=30)
    assert len(stub.requests) == 1
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\x1b[31m\tc\u202ed", "a b [31m c d"),
        ("x" * 400, "x" * 299 + "…"),
        (f"no {ORG} here", f"no {ORG} here"),
        (f"no {NEW_KEY.upper()} here", "no *** here"),
        ("key pk_test_1 is old", "key *** is old"),
        (f"bad {PARTNER_KEY.upper()[3:16]}", "bad ***"),
        ("token abcdefghij0123456789xyz", "token ***"),
        ("internationalizationalization", "internationalizationalization"),
        (f"{ORG}{NEW_KEY}/{ORG}", f"{ORG}***/{ORG}"),
        (f"x={NEW_KEY}, -{PARTNER_KEY}-", "***, -***-"),
        ("-pk_test_1- 1pk_live_x apk_test_", "-***- 1*** ***"),
        ("İ" * 20 + PARTNER_KEY, "İ" * 20 + "***"),
        ("x" * 294 + PARTNER_KEY, "x" * 294 + "***"),
    ],
)
def test_a_servers_message_becomes_one_short_line_without_keys(text, shown):
    assert redact(text, [ApiKey(PARTNER_KEY)], known=f"GET /api/organizations/{ORG}/users") == shown


@pytest.mark.parametrize("piece", ["a", "-", "a_", "a-", "_live", "1", "ab1 ", "12345678-", "pk_live_1 ", ORG])
def test_redaction_of_a_long_message_is_linear(piece, monkeypatch):
    # 10,000 characters are read at most. Without that limit, a quadratic pattern takes hours.
    monkeypatch.setattr("airflow_provider_polytomic.hooks._redaction._MAX_READ", 2_000_000)
    assert len(redact(piece * (1_000_000 // len(piece)), [ApiKey(PARTNER_KEY)], known=f"GET /{ORG}")) <= 300


AWKWARD = "Zq7\"\\é\t8+K/€  w4&'x=2"


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (AWKWARD, "***"),
        (" ".join(AWKWARD.split()), "***"),
        (json.dumps(AWKWARD), '"***"'),
        (json.dumps({"message": {"was": AWKWARD}}), '{"message": {"was": "***"}}'),
        (json.dumps(AWKWARD, ensure_ascii=False), '"***"'),
        (repr(AWKWARD), "'***'"),
        (repr({"was": AWKWARD}), "{'was': '***'}"),
        (quote(AWKWARD), "***"),
        (quote(AWKWARD, safe=""), "***"),
        (quote_plus(AWKWARD), "***"),
        (urlencode({"was": AWKWARD}).lower(), "was=***"),
        (base64.b64encode(AWKWARD.encode()).decode().rstrip("="), "***"),
    ],
)
def test_a_secret_is_hidden_in_every_encoding(form, shown):
    assert redact(f"bad value {form} of the client", [Secret(AWKWARD)]) == f"bad value {shown} of the client"


def test_a_short_key_is_hidden_as_a_whole():
    assert redact("the key abc is bad", [ApiKey("abc")]) == "the key *** is bad"
