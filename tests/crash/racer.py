"""How does a forked process race? It does what it is told over a socket, and says what came of it, until told no more.

It can be told to stop at a point, where it says so and waits: then those who race stand where they are wanted.
"""

from __future__ import annotations

import json
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, issue
from airflow_provider_polytomic.secret_stores.opening import Stores
from airflow_provider_polytomic.targets import Target
from airflow_provider_polytomic.version_compat import mask_secret

from .issuer import readers_get
from .points import Watched
from .rotator import rotate_one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .job import Race

__all__ = ["race"]


class Channel:
    """Lines of JSON, both ways."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(address)
        self._lines = self._socket.makefile("rb")

    def orders(self) -> Iterator[dict[str, Any]]:
        """Hear what is to be done, until those who tell it hang up."""
        for line in self._lines:
            yield json.loads(line)

    def say(self, said: dict[str, Any]) -> None:
        """Tell them."""
        self._socket.sendall(json.dumps(said).encode() + b"\n")

    def wait(self) -> None:
        """Wait for the next word."""
        self._lines.readline()


class Meeting:
    """The one point at which it waits for the others, when it comes there first; what :class:`Watched` tells it."""

    def __init__(self, channel: Channel, at: str | None) -> None:
        self._channel, self._at = channel, at

    def call(self, name: str) -> None:
        """A call to vendor or store begins or has ended."""
        if name == self._at:
            self._at = None
            self._channel.say({"met": name})
            self._channel.wait()


def race(job: Race) -> dict[str, Any]:
    """Do one thing after the other."""
    channel = Channel(job.channel)
    with closing(PolytomicHook(retry_for=20.0)) as hook:
        stores = Stores(issuer=hook.base_url)
        for order in channel.orders():
            if order["act"] == "look":
                channel.say({"readers_get": readers_get(order["destination"])})
                continue
            meeting = Meeting(channel, order["meet"])
            try:
                done = _do(order, Watched(hook, meeting), Watched(stores.open(order["destination"]), meeting))
            except PolytomicError as error:
                failed = {"type": type(error).__name__, "text": str(error), "retryable": error.retryable}
                channel.say({"error": failed})
            else:
                channel.say({"reference": done, "readers_get": readers_get(order["destination"])})
    return {}


def _do(order: dict[str, Any], vendor: Any, store: Any) -> dict[str, Any]:
    if order["act"] == "rotate":
        return rotate_one(vendor, store, order, order["run_time"])
    target = Target.parse(order["org_id"], order["user_id"])
    return issue(vendor, store, target, Ensure(), hide=mask_secret).to_json(order["destination"], server="")
