"""A relay, in its own process, that delays every byte by half a round trip.

    python -m benchmarks.delay NAME=HOST:PORT [NAME=HOST:PORT ...]

It prints one line of JSON with the addresses for each name and for commands, and exits at the end of its stdin. A new
connection costs one more round trip, like the handshake of TCP; TLS is not simulated. The relay logs each request: the
first line of an HTTP request at the beginning of a piece of data.

A command is a line of JSON over TCP, and so is its response: ``{"seconds": 0.05}`` sets the round trip,
``{"forget": true}`` empties the log, ``{}`` returns it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections import deque
from functools import partial
from typing import Any, cast

__all__ = ["Relay"]

_REQUEST = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|LIST|HEAD) (\S+) HTTP/1\.1\r\n")


class Relay:
    """State that all connections share: the time of a round trip, and the log of requests."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.noted: list[list[str]] = []

    def note(self, name: str, data: bytes) -> None:
        """Log a request, if the data begins with one."""
        if match := _REQUEST.match(data):
            self.noted.append([name, match[1].decode(), match[2].decode()])

    async def obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Process the commands of one client until it disconnects."""
        with contextlib.suppress(asyncio.CancelledError):
            while line := await reader.readline():
                command = json.loads(line)
                self.seconds = float(command.get("seconds", self.seconds))
                if command.get("forget"):
                    self.noted.clear()
                writer.write(json.dumps({"noted": self.noted}).encode() + b"\n")
                await writer.drain()
        writer.close()


class _Side(asyncio.Protocol):
    """One end of a connection, which passes data on to the other end with a delay."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.other: _Side | None = None
        self.transport: asyncio.Transport | None = None
        self.opened = 0.0
        self.on_the_way: deque[bytes | None] = deque()  # None: the end
        self.arrived = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.opened = asyncio.get_running_loop().time()
        self.deliver()

    def data_received(self, data: bytes) -> None:
        self.send_on(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.send_on(None)

    def send_on(self, data: bytes | None, not_before: float = 0.0) -> None:
        if self.other is None:
            return
        self.other.on_the_way.append(data)
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time() + self.relay.seconds / 2, not_before), self.other.arrive)

    def arrive(self) -> None:
        """Let the oldest piece arrive; timers of the same moment fire in any order."""
        self.arrived += 1
        self.deliver()

    def deliver(self) -> None:
        """Pass on the data that has arrived, once the connection is open."""
        while self.arrived and self.transport is not None:
            self.arrived -= 1
            data = self.on_the_way.popleft()
            if data is None:
                self.transport.close()
            elif not self.transport.is_closing():
                self.transport.write(data)


class _FromClient(_Side):
    """The end of a connection that faces the client."""

    def __init__(self, relay: Relay, name: str, host: str, port: int) -> None:
        super().__init__(relay)
        self.name, self.address = name, (host, port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        other = self.other = _Side(self.relay)
        other.other = self
        loop = asyncio.get_running_loop()
        self.connecting = loop.create_task(loop.create_connection(lambda: other, *self.address))

    def data_received(self, data: bytes) -> None:
        self.relay.note(self.name, data)
        self.send_on(data, self.first_arrival())

    def connection_lost(self, _error: Exception | None) -> None:
        self.send_on(None, self.first_arrival())

    def first_arrival(self) -> float:
        return self.opened + self.relay.seconds * 1.5


async def _serve(places: dict[str, tuple[str, int]]) -> None:
    loop, relay = asyncio.get_running_loop(), Relay()
    listening: dict[str, Any] = {}
    for name, (host, port) in places.items():
        made = partial(_FromClient, relay, name, host, port)
        server = await loop.create_server(made, "127.0.0.1", 0, backlog=512)
        listening[name] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    commands = await asyncio.start_server(relay.obey, "127.0.0.1", 0, limit=2**26)
    listening["orders"] = f"127.0.0.1:{commands.sockets[0].getsockname()[1]}"
    sys.stdout.write(json.dumps(listening) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


def _places(arguments: list[str]) -> dict[str, tuple[str, int]]:
    places = {}
    for argument in arguments:
        name, _, address = argument.partition("=")
        host, _, port = address.rpartition(":")
        places[name] = (host, int(port))
    return places


if __name__ == "__main__":
    asyncio.run(_serve(_places(sys.argv[1:])))
