"""Fixtures of the hook's tests: a server with scripted responses, connections in the environment, a clock."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.fixtures import scene

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from airflow_provider_polytomic.testing import ReceivedRequest, User

    Connect = Callable[..., PolytomicHook]

__all__ = ["scene"]

PARTNER_KEY = "pk_live_4f9a7c1e8b2d6035e1f7a9c3"
NEW_KEY = "8e5dcfdd-d23d-4a8e-b1f0-5a1c9d7e2b46"
ORG = "248df4b7-aa70-47b8-a036-33ac447e668d"
USER = "1f3c9a52-6d0b-4e87-9c25-7b8e4d1a0f63"


@dataclass(frozen=True)
class Reply:
    """Response of the stub.

    :param lost: close the connection without sending a byte.
    :param length: the Content-Length to send; the body's length if None.
    """

    status: int = 200
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False
    length: int | None = None


@dataclass(frozen=True)
class StubRequest:
    """Request that the stub received, with header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_args: object) -> None:
        """Print nothing when a client closes the connection, as it does if a response is too long."""


class Stub:
    """Server on this machine that sends its replies in order, and then repeats the last one."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: list[Reply] = [Reply()]
        self.requests: list[StubRequest] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet, or each response takes 40 ms

            def respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                stub.requests.append(StubRequest(self.command, self.path, headers, body))
                reply = stub.replies.pop(0) if len(stub.replies) > 1 else stub.replies[0]
                if reply.lost:
                    self.close_connection = True
                    return
                content = reply.body.encode() if isinstance(reply.body, str) else reply.body
                self.send_response_only(reply.status)  # without a Date of its own
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content) if reply.length is None else reply.length))
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = reply.length is not None

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815 (the names that http.server calls)

            def log_message(self, *_args: object) -> None:
                """Print nothing."""

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def idempotency_keys(self) -> list[str | None]:
        return [request.headers.get("idempotency-key") for request in self.requests]

    def reply(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def reply_data(self, *data: Any) -> None:
        """Send each value as Polytomic sends a success."""
        self.reply(*(Reply(body=json.dumps({"data": value})) for value in data))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class FakeTime:
    """Clock that only sleeping moves."""

    seconds: float = 1000.0
    wall: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.seconds, now=lambda: self.wall, sleep=self.sleep, jitter=lambda: 0.5)


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.stop()


@pytest.fixture
def other_stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a certificate for 127.0.0.1 with its private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    no_password = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Define a connection in the environment."""

    def define_connection(conn_id: str = "polytomic_default", **fields: Any) -> None:
        fields = {"conn_type": "polytomic", "password": PARTNER_KEY, **fields}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))

    return define_connection


@pytest.fixture
def hook(stub: Stub, define: Callable[..., None], fake_time: FakeTime) -> Iterator[PolytomicHook]:
    """Return a hook with the partner's key for the stub; its waits take no time."""
    define(host=stub.base_url)
    made = PolytomicHook(clock=fake_time.clock)
    yield made
    made.close()


@dataclass(frozen=True)
class Request:
    """The parts of a request to the emulator that the tests compare."""

    method: str
    path: str
    body: Any = None
    has_idempotency_key: bool = False
    authorization: str = field(default="", compare=False)

    @classmethod
    def of(cls, received: ReceivedRequest) -> Request:
        return cls(
            received.method,
            received.path,
            json.loads(received.body) if received.body else None,
            received.idempotency_key is not None,
            received.headers["authorization"],
        )


@pytest.fixture
def polytomic() -> Iterator[PolytomicEmulator]:
    """Return an emulator for this test only."""
    with PolytomicEmulator(deployment_key="deployment-key-of-the-emulator") as emulator:
        yield emulator


@pytest.fixture
def ada(polytomic: PolytomicEmulator) -> User:
    """Return the Admin of a customer."""
    return polytomic.add_user(polytomic.add_organization("Acme").id, "ada@acme.example", [polytomic.role_id("Admin")])


@pytest.fixture
def connect(polytomic: PolytomicEmulator, define: Callable[..., None], fake_time: FakeTime) -> Iterator[Connect]:
    """Create a hook for the emulator, with the partner's key unless given fields differ; its waits take no time."""
    made: list[PolytomicHook] = []

    def connect_as(*, stopping: Callable[[], bool] = lambda: False, **fields: Any) -> PolytomicHook:
        conn_id = f"polytomic_{len(made)}"
        define(conn_id, **{"host": polytomic.base_url, "password": polytomic.partner_key, **fields})
        made.append(PolytomicHook(conn_id, stopping=stopping, clock=fake_time.clock))
        return made[-1]

    yield connect_as
    for hook in made:
        hook.close()


@pytest.fixture
def sent(polytomic: PolytomicEmulator) -> Callable[[], list[Request]]:
    """Return the requests since the last call."""
    seen = 0

    def read() -> list[Request]:
        nonlocal seen
        received = polytomic.requests[seen:]
        seen += len(received)
        return [Request.of(request) for request in received]

    return read
