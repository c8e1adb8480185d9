"""A forked process that races: it receives orders over a socket and reports each result, until the socket is closed.

An order can make it stop at a point, report that, and wait, so that several processes can be lined up.
"""

from __future__ import annotations

import json
import socket
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import StoreFactory
from tests.crash.kill_points import Watched

from .issuer import issue_one, readers_get
from .job import Job

if TYPE_CHECKING:
    from tests.crash.kill_points import Points

__all__ = ["Channel", "Race"]


class Channel:
    """Lines of JSON, both ways; iterating hears them until the other one hangs up."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lines = connection, connection.makefile("rb")

    def fileno(self) -> int:
        return self._connection.fileno()

    def say(self, **said: Any) -> None:
        """Tell the other one."""
        self._connection.sendall(json.dumps(said).encode() + b"\n")

    def hear(self) -> dict[str, Any] | None:
        """Wait for what the other one says; None if it has hung up."""
        line = self._lines.readline()
        said: dict[str, Any] | None = json.loads(line) if line else None
        return said

    def hang_up(self) -> None:
        self._lines.close()
        self._connection.close()


class _Meeting:
    """The one point at which it waits for the others, when it comes there first; what :class:`Watched` tells it."""

    def __init__(self, channel: Channel, at: str | None) -> None:
        self._channel, self._at = channel, at

    def call(self, name: str) -> None:
        """Report that a call to Polytomic or the store begins or has ended."""
        if name == self._at:
            self._at = None
            self._channel.say(met=name)
            self._channel.hear()


@dataclass(frozen=True, kw_only=True)
class Race(Job):
    """Obey orders that let several such processes race, until the socket is closed.

    :param address: the Unix socket at which they listen.
    """

    address: str

    def do(self, points: Points) -> dict[str, Any]:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.address)
        channel = Channel(connection)
        with closing(PolytomicHook(retry_for=60.0)) as hook:
            stores = StoreFactory(issuer=hook.base_url)
            while order := channel.hear():
                destination = order["destination"]
                if order["act"] == "read":
                    channel.say(readers_get=readers_get(destination))
                    continue
                meeting = _Meeting(channel, order["meet"])
                polytomic, store = Watched(hook, meeting), Watched(stores.open(destination), meeting)
                try:
                    done = issue_one(polytomic, store, order, order["run_time"], renew=order["act"] == "rotate")
                except PolytomicError as error:
                    channel.say(error=repr(error), retryable=error.retryable)
                else:
                    channel.say(
                        reference={"fingerprint": done.fingerprint, **done.details()},
                        readers_get=readers_get(destination),
                    )
        return {}
