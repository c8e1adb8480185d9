"""How is somebody caught in the outage window? Polytomic holds its answer back, and says whose process waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import psutil

from airflow_provider_polytomic.testing import PolytomicEmulator

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Held", "HoldingEmulator", "Moment"]

Moment = Literal["issued", "verifying"]

LOOK_EVERY_SECONDS = 0.02


class Held:
    """The first process that came to a moment of the window, and waits there.

    :param user_id: whose key it is about.
    :param moment: ``issued``: Polytomic has made the key; its answer is held back. ``verifying``: the process has the
        key, has stored it nowhere yet, and asks whose it is; as nobody waits for that answer for long, it is stopped.
    """

    def __init__(self, user_id: str, moment: Moment) -> None:
        self.user_id, self.moment = user_id, moment
        self.process: psutil.Process | None = None
        self._free = threading.Event()

    @property
    def waits(self) -> bool:
        """Whether the process still lives, and waits."""
        return self.process is not None and self.process.is_running() and not self._free.is_set()

    def release(self) -> None:
        """Let it have its answer, if it still lives; nobody is held here again."""
        self._free.set()
        if self.moment == "verifying" and self.process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.process.resume()

    async def hold(self, sender: psutil.Process) -> None:
        """Hold the first one that comes here, and no other."""
        if self.process is not None or self._free.is_set():
            return
        self.process = sender
        if self.moment == "verifying":
            sender.suspend()
        else:
            # Not in a thread: asyncio has six of them on two cores, which others need as well.
            while not self._free.is_set():
                await asyncio.sleep(LOOK_EVERY_SECONDS)


class HoldingEmulator(PolytomicEmulator):
    """An emulator that can hold whoever issues a user's key at a moment of the outage window.

    The processes that ask must be on this machine and those of this user, so that they can be told by their sockets.
    """

    def __init__(self, partner_key: str) -> None:
        super().__init__(partner_key)
        self.holds: list[Held] = []
        self.askers: defaultdict[str, list[psutil.Process]] = defaultdict(list)
        """The processes that have asked for a key of each user, one for each request."""

    def hold(self, user_id: str, moment: Moment) -> Held:
        """Hold the first process that comes to this moment with this user."""
        held = Held(user_id, moment)
        self.holds.append(held)
        return held

    def stop(self) -> None:
        """Let everybody go, and stop."""
        for held in self.holds:
            held.release()
        super().stop()

    def _build(self, stopping: asyncio.Event) -> Starlette:
        app = super()._build(stopping)
        app.add_middleware(_Holding, emulator=self)
        return app


class _Holding:
    """The ASGI application around the emulator's."""

    def __init__(self, app: ASGIApp, emulator: HoldingEmulator) -> None:
        self._app, self._emulator = app, emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] == "http" and scope["method"] == "POST" and path.endswith("/keys"):
            await self._issue(path.split("/")[-2], scope, receive, send)
            return
        if scope["type"] == "http" and path == "/api/me":
            await self._verify(scope)
        await self._app(scope, receive, send)

    async def _issue(self, user_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Take effect, and answer when the process is let go."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        sender = await asyncio.to_thread(_sender, scope)
        await self._app(scope, receive, keep)
        self._emulator.askers[user_id].append(sender)
        for held in self._holds(user_id, "issued"):
            await held.hold(sender)
        for message in answer:
            await send(message)

    async def _verify(self, scope: Scope) -> None:
        """Answer when the process is let go, if it is with a key that was made for it."""
        key = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        for held in self._holds(None, "verifying"):
            if self._emulator.minted(held.user_id) and key in self._emulator.keys_of(held.user_id):
                await held.hold(await asyncio.to_thread(_sender, scope))

    def _holds(self, user_id: str | None, moment: Moment) -> list[Held]:
        return [held for held in self._emulator.holds if held.moment == moment and user_id in (None, held.user_id)]


def _sender(scope: Scope) -> psutil.Process:
    """Find the process at the other end of the connection."""
    here, there = scope["server"][1], scope["client"][1]
    for end in psutil.net_connections("tcp"):
        if end.pid and end.laddr and end.raddr and (end.laddr.port, end.raddr.port) == (there, here):
            return psutil.Process(end.pid)
    raise LookupError(f"nobody is at the other end of port {there}")
