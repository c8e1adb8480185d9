"""How do HTTP requests reach the fake Vault, and its answers and broken connections the client?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Mount

from tests.servers.vault_fake_core import Request
from tests.servers.vault_fake_faults import Received
from tests.servers.vault_fake_replies import RefusalError, Reply

if TYPE_CHECKING:
    import threading

    from starlette.types import Receive, Scope, Send

    from tests.servers.vault_fake_core import Core
    from tests.servers.vault_fake_faults import Fault, Faults

__all__ = ["build_app"]


def build_app(
    core: Core, faults: Faults, received: list[Received], lock: threading.RLock, stopping: asyncio.Event
) -> Starlette:
    """Return the ASGI application.

    :param lock: held while a request is handled; tests arrange things from another thread.
    :param stopping: set when the server stops; requests that are delayed go on then.
    """
    return Starlette(routes=[Mount("/", _Paths(core, faults, received, lock, stopping))])


class _Paths:
    def __init__(
        self, core: Core, faults: Faults, received: list[Received], lock: threading.RLock, stopping: asyncio.Event
    ) -> None:
        self._core = core
        self._faults = faults
        self._received = received
        self._lock = lock
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = HttpRequest(scope, receive)
        raw = await http.body()
        with self._lock:
            namespace, path = self._placed(_request(http, {}))
            fault = self._faults.take(http.method, path)
        if fault.delay:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), fault.delay)
        with self._lock:
            reply, body = self._reply(http, raw, fault)
            token = self._core.tokens.named(http.headers.get("x-vault-token", ""))
            status = None if fault.drop else reply.status
            self._received.append(Received(http.method, path, namespace, token, status, body))
        if fault.drop:
            await _hang_up(scope, receive)
            return
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        await Response(content, reply.status, {"Content-Type": "application/json"})(scope, receive, send)

    def _placed(self, request: Request) -> tuple[str, str]:
        try:
            return self._core.place(request)
        except RefusalError:
            return request.namespace, request.path

    def _reply(self, http: HttpRequest, raw: bytes, fault: Fault) -> tuple[Reply, dict[str, Any]]:
        try:
            body = _json(raw)
        except RefusalError as refusal:
            return refusal.reply, {}
        reply = self._core.handle(_request(http, body)) if fault.applied or not fault.fails else Reply(0)
        if fault.status is not None:
            reply = Reply(fault.status, {"errors": [f"injected: {fault.status}"]})
        return reply, body


def _request(http: HttpRequest, body: dict[str, Any]) -> Request:
    path = unquote(http.scope["raw_path"].decode()).removeprefix("/v1/")
    headers = http.headers
    namespace = headers.get("x-vault-namespace", "")
    return Request(http.method, path, namespace, headers.get("x-vault-token", ""), body, dict(http.query_params))


def _json(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise RefusalError(400, f"failed to decode JSON input: {type(error).__name__}") from None
    if not isinstance(body, dict):
        raise RefusalError(400, "failed to decode JSON input: json: cannot unmarshal into a map")
    return body


async def _hang_up(scope: Scope, receive: Receive) -> None:
    transport = scope["state"]["transport"]
    # close() alone would leave the connection open where a forked child of this process has inherited it.
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    transport.close()
    # uvicorn reports an application that returns before it has seen its connection end.
    while (await receive())["type"] != "http.disconnect":
        pass
