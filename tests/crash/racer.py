"""Forked process that receives orders over a socket and reports each result, until the socket is closed.

An order can make it stop at a point, report that, and wait, so that several processes act at the same time.
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
    """Channel for lines of JSON in both directions; iterating receives them until the other side closes it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lines = connection, connection.makefile("rb")

    def fileno(self) -> int:
        return self._connection.fileno()

    def say(self, **message: Any) -> None:
        """Send a message."""
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any] | None:
        """Wait for a message and return it; None if the channel is closed."""
        line = self._lines.readline()
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message

    def hang_up(self) -> None:
        self._lines.close()
        self._connection.close()


class _Meeting:
    """The point at which the process waits for the others the first time; an observer of :class:`Watched`."""

    def __init__(self, channel: Channel, at: str | None) -> None:
        self._channel, self._at = channel, at

    def call(self, name: str) -> None:
        """Handle the begin or the end of a call to Polytomic or the store."""
        if name == self._at:
            self._at = None
            self._channel.say(met=name)
            self._channel.hear()


@dataclass(frozen=True, kw_only=True)
class Race(Job):
    """Job that follows the orders of a race until the socket is closed.

    :param address: the Unix socket of the test.
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
