"""HTTP server of the emulator: uvicorn in its own thread, without output."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from airflow_provider_polytomic.testing.app import ConnectionAwareProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

__all__ = ["ServerThread"]

# Longer than any test: if the server closed an idle pooled connection, that would look like a fault.
_KEEP_ALIVE_SECONDS = 3600


class _Server(uvicorn.Server):
    """Server of uvicorn that reports when it serves, and stops on an event instead of polling ten times a second."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self.serving = threading.Event()
        self._stopping = stopping
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.serving.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn's own waits a tenth of a second, and until every client has read its response.
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(0.001)

    def ask_to_stop(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)


class ServerThread:
    """A server that runs in a thread until it is stopped.

    :param build: returns the application; its argument is an event that is set when the server stops.
    :param host: the address to listen on.
    :param port: 0 for any free one.
    :raises OSError: if the address is not free.
    """

    def __init__(self, build: Callable[[asyncio.Event], Starlette], host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        # asyncio does so only for sockets that name their protocol. Without it, each response on a kept connection
        # takes 40 ms, because its body waits for the acknowledgement of its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = listener.getsockname()[1]
        self._process = os.getpid()
        stopping = asyncio.Event()
        config = uvicorn.Config(
            build(stopping),
            http=ConnectionAwareProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._server = _Server(config, stopping)
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name=f"polytomic-emulator-{self.port}", daemon=True
        )
        self._thread.start()
        self._server.serving.wait()

    def stop(self) -> None:
        """Stop listening, drop waiting requests, and join the thread; in a forked child, do nothing."""
        if os.getpid() == self._process:
            self._server.ask_to_stop()
            self._thread.join()

    def _run(self, listener: socket.socket) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[listener]))
        finally:
            listener.close()
            self._server.serving.set()
