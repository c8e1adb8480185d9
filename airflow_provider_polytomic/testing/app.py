"""ASGI application of the emulator: it passes requests in, and sends responses or breaks connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING, NoReturn

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_polytomic.testing.control import control_routes
from airflow_provider_polytomic.testing.endpoints import ENDPOINTS, UNKNOWN
from airflow_provider_polytomic.testing.request_log import ReceivedRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.types import Receive, Scope, Send

    from airflow_provider_polytomic.testing.dispatch import Dispatcher

__all__ = ["ConnectionAwareProtocol", "build_app"]


class ConnectionAwareProtocol(H11Protocol):
    """HTTP protocol of uvicorn that passes the connection to the application, because ASGI cannot drop one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself narrows it
        """Store the connection where requests find it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def build_app(dispatcher: Dispatcher, stopping: asyncio.Event, now: Callable[[], datetime]) -> Starlette:
    """Return the ASGI application.

    :param dispatcher: the emulated Polytomic.
    :param stopping: set when the server stops; waiting requests are dropped then.
    :param now: the time for the ``Date`` of each response.
    """
    paths = dict.fromkeys(endpoint.path for endpoint in ENDPOINTS)
    routes = [Route(path, _Path(path, dispatcher, stopping, now)) for path in [*paths, "/{anything:path}"]]
    return Starlette(routes=[*control_routes(dispatcher), *routes])


class _StoppingError(Exception):
    """The server stops while a request waits."""


class _Path:
    """ASGI application for one path; the dispatcher checks the method."""

    def __init__(self, path: str, dispatcher: Dispatcher, stopping: asyncio.Event, now: Callable[[], datetime]) -> None:
        self._path, self._now = path, now
        self._dispatcher = dispatcher
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(Request(scope, receive))
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        try:
            reply = await self._dispatcher.reply(
                await _read_request(request), self._path, request.path_params, self._pause
            )
        except _StoppingError:
            return _Hangup()
        if reply.response is None:
            return _Hangup()
        response_type = _CutOff if reply.cut else Response
        date = format_datetime(self._now().astimezone(UTC), usegmt=True)
        return response_type(reply.response.body, reply.response.status, {"Date": date, **reply.response.headers})

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped(), seconds)

    async def _stopped(self) -> NoReturn:
        await self._stopping.wait()
        raise _StoppingError


class _Hangup(Response):
    """A response that closes the connection without a byte."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await _hang_up(scope, receive)


class _CutOff(Response):
    """A response that ends after the headers and half of the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await _hang_up(scope, receive)


async def _hang_up(scope: Scope, receive: Receive) -> None:
    transport = scope["state"]["transport"]
    # close() alone leaves the connection open if a forked child of this process has inherited it.
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    transport.close()
    # uvicorn reports an application that returns before it has seen its connection end.
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_request(request: Request) -> ReceivedRequest:
    return ReceivedRequest(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=await request.body(),
        endpoint=UNKNOWN,
    )
