"""A relay, in its own process, that delays every byte by half a round trip.

    python -m benchmarks.delay NAME=HOST:PORT [NAME=HOST:PORT ...]

It prints one line of JSON, where it listens for each name and for orders, and ends when its stdin does. A new
connection costs one round trip more, as TCP's handshake does; TLS is not played. The requests that pass are noted: a
line of an HTTP request that begins a piece of data.

Orders are lines of JSON over TCP, each answered by one: ``{"seconds": 0.05}`` sets the round trip,
``{"forget": true}`` drops what was noted, ``{}`` returns it.
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
    """What all connections share: how long a round trip takes, and what was asked."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.noted: list[list[str]] = []

    def note(self, name: str, data: bytes) -> None:
        """Note a request, if the data begins with one."""
        if found := _REQUEST.match(data):
            self.noted.append([name, found[1].decode(), found[2].decode()])

    async def obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what one caller orders, until it leaves or all is over."""
        with contextlib.suppress(asyncio.CancelledError):
            while line := await reader.readline():
                order = json.loads(line)
                self.seconds = float(order.get("seconds", self.seconds))
                if order.get("forget"):
                    self.noted.clear()
                writer.write(json.dumps({"noted": self.noted}).encode() + b"\n")
                await writer.drain()
        writer.close()


class _Side(asyncio.Protocol):
    """One end of a connection: what comes in here goes out at the other, later."""

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
        """Have one piece more arrive: the oldest, since timers of the same moment come in any order."""
        self.arrived += 1
        self.deliver()

    def deliver(self) -> None:
        """Pass on what has arrived, once there is a connection."""
        while self.arrived and self.transport is not None:
            self.arrived -= 1
            data = self.on_the_way.popleft()
            if data is None:
                self.transport.close()
            elif not self.transport.is_closing():
                self.transport.write(data)


class _FromClient(_Side):
    """The end at which a client has connected."""

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
    orders = await asyncio.start_server(relay.obey, "127.0.0.1", 0, limit=2**26)
    listening["orders"] = f"127.0.0.1:{orders.sockets[0].getsockname()[1]}"
    sys.stdout.write(json.dumps(listening) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


def _places(arguments: list[str]) -> dict[str, tuple[str, int]]:
    found = {}
    for argument in arguments:
        name, _, address = argument.partition("=")
        host, _, port = address.rpartition(":")
        found[name] = (host, int(port))
    return found


if __name__ == "__main__":
    asyncio.run(_serve(_places(sys.argv[1:])))
