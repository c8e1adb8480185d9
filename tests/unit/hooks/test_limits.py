"""A request ends in time and in bytes, whatever the server sends and wherever it sends it."""

from __future__ import annotations

import itertools
import json
import ssl
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import model_validator

from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import (
    PolytomicConnectionError,
    PolytomicError,
    PolytomicInvalidResponseError,
)
from airflow_provider_polytomic.hooks._json import iterate_data, parse_json
from airflow_provider_polytomic.hooks._payload import read_many
from airflow_provider_polytomic.hooks._transport import Response
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.models import User
from tests.fakes.endless_server import GUARD, EndlessServer
from tests.unit.hooks.conftest import NEW_KEY, ORG, PARTNER_KEY, USER, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
# Where the response does not end: its beginning, and what follows again and again.
PLACES = {
    "silence": (b"", b""),
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (OK, b"X-Pad: 1\r\n"),
    "one header": (OK + b"X-Pad: ", b"1"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of 100 Continue": (b"HTTP/1.1 100 Continue\r\n", b"X-Pad: 1\r\n"),
    "body of a length": (OK + b"Content-Length: 900000\r\n\r\n", b" "),
    "body until the connection is closed": (OK + b"\r\n", b" "),
    "chunk": (CHUNKED + b"ffffff\r\n", b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "chunk size": (CHUNKED, b"0"),
    "chunk extension": (CHUNKED + b"1;", b"x"),
    "trailers": (CHUNKED + b"0\r\n", b"X-Pad: 1\r\n"),
    "error": (b"HTTP/1.1 503 No\r\n\r\n", b" "),
    "redirect": (b"HTTP/1.1 302 No\r\nLocation: /\r\n\r\n", b" "),
}


@pytest.fixture
def serve() -> Iterator[Callable[..., EndlessServer]]:
    servers: list[EndlessServer] = []

    def start(begin: bytes, piece: bytes | None, **options: Any) -> EndlessServer:
        servers.append(EndlessServer(begin, piece, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def once(**options: Any) -> PolytomicHook:
    """Return a hook that repeats nothing."""
    return PolytomicHook(stopping=lambda: True, **options)


@pytest.mark.parametrize("place", PLACES)
def test_a_server_that_drips_is_a_timeout(serve, define, place):
    server = serve(*PLACES[place], pause=0.01)
    define(host=server.base_url, extra={"timeout": 0.3})
    with pytest.raises(PolytomicConnectionError) as caught:
        once().get_identity()
    assert caught.value.reason == "timeout"
    assert server.closed.wait(GUARD)


@pytest.mark.parametrize("place", ["silence", "headers", "chunks", "body of a length"])
def test_a_server_that_drips_over_tls_is_a_timeout(serve, define, certificate, place):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = serve(*PLACES[place], pause=0.01, tls=context)
    define(host=f"https://127.0.0.1:{server.port}", extra={"timeout": 0.5, "ca_bundle": str(certificate)})
    with pytest.raises(PolytomicConnectionError) as caught:
        once().get_identity()
    assert caught.value.reason == "timeout"
    assert server.closed.wait(GUARD)


@pytest.mark.parametrize("begin", [b"", b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"])
def test_a_server_that_drips_during_the_tls_handshake_is_a_timeout(serve, define, begin):
    server = serve(begin, b"\x00" if begin else b"", pause=0.01)
    define(host=f"https://127.0.0.1:{server.port}", extra={"timeout": 0.3})
    with pytest.raises(PolytomicConnectionError) as caught:
        once().get_identity()
    assert caught.value.reason == "timeout"
    assert server.closed.wait(GUARD)


@pytest.mark.parametrize("place", ["silence", "status line", "headers"])
def test_a_proxy_that_drips_is_a_timeout(serve, define, place):
    proxy = serve(*PLACES[place], pause=0.01)
    define(host="https://polytomic.example", extra={"timeout": 0.3, "proxy": proxy.base_url})
    with pytest.raises(PolytomicConnectionError) as caught:
        once().get_identity()
    assert caught.value.reason == "timeout"
    assert proxy.closed.wait(GUARD)


@pytest.mark.parametrize("place", [place for place in PLACES if place not in ("silence", "body of a length")])
def test_a_response_ends_in_bytes_even_if_no_time_passes(serve, define, fake_time, place):
    server = serve(PLACES[place][0], PLACES[place][1] * 1000)
    define(host=server.base_url)
    with pytest.raises(PolytomicError) as caught:
        once(clock=fake_time.clock).get_identity()
    assert caught.value.reason != "timeout"
    assert server.closed.wait(GUARD)


@pytest.mark.parametrize("retry_for", [2.0, 5.0])
def test_a_call_ends_within_its_own_retry_for(serve, define, retry_for):
    server = serve(*PLACES["body until the connection is closed"])
    define(host=server.base_url)
    seconds = [0.0]

    def pass_(number: float) -> float:
        seconds[0] += number
        return seconds[0]

    def sleep(number: float) -> None:
        pass_(number)

    # Each read from the socket takes 0.1 seconds of this clock.
    clock = Clock(monotonic=lambda: pass_(0.1), sleep=sleep, jitter=lambda: 0.5)
    with pytest.raises(PolytomicConnectionError) as caught:
        PolytomicHook(clock=clock).get_identity(retry_for=retry_for)
    assert caught.value.reason == "timeout"
    assert seconds[0] <= retry_for + 1.0
    assert server.closed.wait(GUARD)


def test_every_address_of_a_name_together_gets_one_timeout(define, monkeypatch, fake_time):
    import urllib3.util.connection

    tried: list[tuple[str, float]] = []

    def refuse(address: tuple[str, int], timeout: float, **_options: Any) -> Any:
        tried.append((address[0], timeout))
        fake_time.seconds += 4.0
        raise TimeoutError

    monkeypatch.setattr(urllib3.util.connection, "create_connection", refuse)
    addresses = [(2, 1, 6, "", (f"192.0.2.{number}", 443)) for number in range(9)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_options: addresses)
    define(host="https://polytomic.example", extra={"timeout": 10})
    with pytest.raises(PolytomicConnectionError) as caught:
        once(clock=fake_time.clock).get_identity()
    assert caught.value.reason == "timeout"
    assert tried == [("192.0.2.0", 10.0), ("192.0.2.1", 6.0), ("192.0.2.2", 2.0)]


HEADERS = {
    "no status": b"\r\n\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a negative status": b"HTTP/1.1 -200 OK\r\n\r\n",
    "a status of 5,000 digits": b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n",
    "another version": b"HTTP/7.0 200 OK\r\n\r\n",
    "101 headers": OK + b"X-Pad: 1\r\n" * 101 + b"\r\n",
    "a header of 70,000 bytes": OK + b"X-Pad: " + b"x" * 70_000 + b"\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "two lengths in one": OK + b"Content-Length: 2, 3\r\n\r\n{}",
    "a negative length": OK + b"Content-Length: -2\r\n\r\n{}",
    "a length of 5,000 digits": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "a length that is no number": OK + b"Content-Length: two\r\n\r\n{}",
    "length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "a negative chunk": CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n",
    "a chunk of -1": CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
    "a chunk of 5,000 digits": CHUNKED + b"f" * 5000 + b"\r\n{}",
    "a chunk of no size": CHUNKED + b"\r\n{}",
    "a chunk that is no number": CHUNKED + b"two\r\n{}",
    "a chunk without its end": CHUNKED + b"2\r\n{}xx0\r\n\r\n",
    "an underscore in a chunk's size": CHUNKED + b"1_0\r\n{}\r\n",
    "a byte beyond ASCII": OK + b"X-Pad\xff\xfe: \xff\r\nContent-Length: 2\r\n\r\n{}",
    "no colon": OK + b"nothing\r\n\r\n{}",
    "a null byte": OK + b"X\x00: 1\r\n\r\n{}",
    "a date of 5,000 digits": OK + b"Date: Mon, " + b"9" * 5000 + b" Jan 2026 00:00:00 GMT\r\n\r\n{}",
    "a year of 5,000 digits": OK + b"Date: Mon, 01 Jan " + b"9" * 5000 + b" 00:00:00 GMT\r\n\r\n{}",
    "a zone of 5,000 digits": OK + b"Date: Mon, 01 Jan 2026 00:00:00 +" + b"9" * 5000 + b"\r\n\r\n{}",
    "a Retry-After of 5,000 digits": b"HTTP/1.1 503 No\r\nRetry-After: " + b"9" * 5000 + b"\r\n\r\n",
    "a date as Retry-After": b"HTTP/1.1 503 No\r\nRetry-After: Mon, 01 Jan 99999 00:00:00 +9999999\r\n\r\n",
    "a Location that is no URL": b"HTTP/1.1 302 No\r\nLocation: http://[\xff\r\n\r\n",
    "an unknown encoding": OK + b"Content-Encoding: br\r\n\r\n{}",
    "two encodings": OK + b"Content-Encoding: gzip, gzip\r\n\r\n{}",
    "a thousand empty members": OK + b"Content-Encoding: deflate\r\n\r\n" + b"\x03\x00" * 1000,
    "a number of 5,000 digits": OK + b'\r\n{"data": {"value": ' + b"9" * 5000 + b"}}",
}


@pytest.mark.parametrize("response", HEADERS.values(), ids=HEADERS)
def test_a_malformed_response_is_an_error_of_this_package(serve, define, fake_time, response):
    server = serve(response, None)
    define(host=server.base_url)
    for call in (
        lambda: once(clock=fake_time.clock).create_api_key(ORG, USER, idempotency_key="issuance-0"),
        lambda: once(clock=fake_time.clock).list_users(ORG),
        lambda: once(clock=fake_time.clock).test_connection(),
    ):
        try:
            call()
        except PolytomicError as error:
            assert PARTNER_KEY not in str(error)  # noqa: PT017 (some of these responses are valid for some calls)


@pytest.mark.parametrize(
    "name", ["not HTTP", "101 headers", "two lengths", "a negative chunk", "a chunk that is no number"]
)
def test_a_response_that_is_not_http_has_a_reason_of_its_own(serve, define, fake_time, name):
    define(host=serve(HEADERS[name], None).base_url)
    with pytest.raises(PolytomicConnectionError) as caught:
        once(clock=fake_time.clock).create_api_key(ORG, USER, idempotency_key="issuance-0")
    assert caught.value.reason == "response_malformed"
    assert "To repeat it, use the same idempotency key" in str(caught.value)


def _compress(content: bytes, form: int) -> bytes:
    compressor = zlib.compressobj(9, wbits=form)
    return compressor.compress(content) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "form"), [("gzip", 31), ("GZIP", 31), ("x-gzip", 31), ("deflate", 15), ("deflate", -15)]
)
def test_a_compressed_response_is_unpacked(stub, hook, encoding, form):
    body = json.dumps({"data": {"value": NEW_KEY}}).encode()
    whole, halves = _compress(body, form), b"".join(_compress(half, form) for half in (body[:9], body[9:]))
    stub.reply(
        *(Reply(body=content, headers={"Content-Encoding": encoding}) for content in (whole, halves, whole[:-9]))
    )
    for _ in range(2):
        assert hook.create_api_key(ORG, USER, idempotency_key="issuance-0").reveal() == NEW_KEY
    with pytest.raises(PolytomicInvalidResponseError) as caught:
        hook.create_api_key(ORG, USER, idempotency_key="issuance-0")
    assert caught.value.reason == "content_unreadable"


def test_a_small_response_that_unpacks_to_millions_of_objects_is_rejected_before_any_is_built(stub, hook):
    many = b'{"data":[' + b",".join([b"{}"] * 5_000_000) + b"]}"
    stub.reply(Reply(body=_compress(many, 31), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(PolytomicInvalidResponseError):
        hook.list_users(ORG)
    for value in (b"{}", b"[]", b"0", b'""', b"[{}]", b'{"a":{}}'):
        content = b'{"data":[' + b",".join([value] * 1_100_000) + b"]}"
        for parse in (parse_json, iterate_data):
            with pytest.raises(ValueError, match="too many values"):
                parse(content)


class _CountingUser(User):
    validated: ClassVar[int] = 0

    @model_validator(mode="before")
    @classmethod
    def count(cls, data: Any) -> Any:
        _CountingUser.validated += 1
        return data


def test_a_list_is_parsed_up_to_its_first_invalid_item():
    good = json.dumps({"id": USER, "organization_id": ORG})
    content = f'{{"data": [{good}, {good}, {{}}, {good}, this is not even JSON'.encode()
    items = iterate_data(content)
    assert [next(items or iter(())) for _ in range(4)][2] == {}
    with pytest.raises(PolytomicInvalidResponseError):
        read_many(_CountingUser, Response(200, content), "GET /x")
    assert _CountingUser.validated == 3


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('{"data": []}', []),
        (' \n{ "data" :\t[ 1 , [2], {"a": 3}\r\n] , "meta": {"page": [1]}} ', [1, [2], {"a": 3}]),
        ('{"meta": 1, "data": [1, 2]}', [1, 2]),
        ('{"data": "x", "data": [1]}', [1]),
        ('{"data": null}', None),
        ('{"data": [1], "data": null}', ValueError),
        ('{"data": [1,]}', ValueError),
        ('{"data": [,1]}', ValueError),
        ('{"data": [1 2]}', ValueError),
        ('{"data": [1', ValueError),
        ('{"data": [', ValueError),
        ('{"data": [1]', ValueError),
        ('{"data": [1]}}', ValueError),
        ('{"data": [1]} x', ValueError),
        ("[1]", ValueError),
        ("{}", ValueError),
        ('{"data": {}}', ValueError),
        ('{"data": [' + "[" * 100_000, ValueError),
        ('{"a": ' + "[" * 100_000, ValueError),
        ('{"data": [' + "9" * 5000 + "]}", ValueError),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_is_read_as_json_is(text, items, encoding):
    def read() -> Any:
        found = iterate_data(text.encode(encoding))
        return None if found is None else list(found)

    if items is ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 (any will do)
            read()
    else:
        assert read() == items


def test_a_clock_that_jumps_between_two_reads_ends_the_response(stub, define):
    define(host=stub.base_url)
    stub.reply(Reply(body=" " * 200_000))
    moments = itertools.count(0.0, 20.0)
    with pytest.raises(PolytomicConnectionError) as caught:
        once(clock=Clock(monotonic=lambda: next(moments))).get_identity()
    assert caught.value.reason == "timeout"
