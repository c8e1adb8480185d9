"""Emulator that pauses a process in its outage window: it delays the response, and finds the waiting process."""

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

CHECK_INTERVAL = 0.02


class Held:
    """The first process that reaches a moment of the window, and is paused there.

    :param user_id: the user whose key is issued.
    :param moment: ``issued``: Polytomic has created the key; its response is delayed. ``verifying``: the process has
        the key, has not stored it, and requests its owner. It is suspended, since this request has a short time-out.
    """

    def __init__(self, user_id: str, moment: Moment) -> None:
        self.user_id, self.moment = user_id, moment
        self.process: psutil.Process | None = None
        self._free = threading.Event()

    @property
    def waits(self) -> bool:
        """Return whether the process still exists, and is paused."""
        return self.process is not None and self.process.is_running() and not self._free.is_set()

    def release(self) -> None:
        """Let the process continue, if it still exists; no other process is paused here."""
        self._free.set()
        if self.moment == "verifying" and self.process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.process.resume()

    async def hold(self, sender: psutil.Process) -> None:
        """Pause the first process that comes here, and no other."""
        if self.process is not None or self._free.is_set():
            return
        self.process = sender
        if self.moment == "verifying":
            sender.suspend()
        else:
            # Not in a thread: asyncio has only six threads on two cores.
            while not self._free.is_set():
                await asyncio.sleep(CHECK_INTERVAL)


class HoldingEmulator(PolytomicEmulator):
    """An emulator that can pause the process that issues a user's key at a moment of the outage window.

    The processes must belong to this user on this machine, so that their sockets identify them.
    """

    def __init__(self, partner_key: str) -> None:
        super().__init__(partner_key)
        self.holds: list[Held] = []
        self.askers: defaultdict[str, list[psutil.Process]] = defaultdict(list)
        """The processes that have requested a key of each user, one for each request."""

    def hold(self, user_id: str, moment: Moment) -> Held:
        """Pause the first process that reaches this moment with this user."""
        held = Held(user_id, moment)
        self.holds.append(held)
        return held

    def stop(self) -> None:
        """Let all processes continue, and stop."""
        for held in self.holds:
            held.release()
        super().stop()

    def _build(self, stopping: asyncio.Event) -> Starlette:
        app = super()._build(stopping)
        app.add_middleware(_Holding, emulator=self)
        return app


class _Holding:
    """ASGI middleware of the emulator."""

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
        """Create the key, and respond when the process may continue."""
        response: list[Message] = []

        async def keep(message: Message) -> None:
            response.append(message)

        sender = await asyncio.to_thread(_sender, scope)
        await self._app(scope, receive, keep)
        self._emulator.askers[user_id].append(sender)
        for held in self._holds(user_id, "issued"):
            await held.hold(sender)
        for message in response:
            await send(message)

    async def _verify(self, scope: Scope) -> None:
        """Pause the process if its request has the new key."""
        key = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        for held in self._holds(None, "verifying"):
            if self._emulator.minted(held.user_id) and key in self._emulator.keys_of(held.user_id):
                await held.hold(await asyncio.to_thread(_sender, scope))

    def _holds(self, user_id: str | None, moment: Moment) -> list[Held]:
        return [held for held in self._emulator.holds if held.moment == moment and user_id in (None, held.user_id)]


def _sender(scope: Scope) -> psutil.Process:
    """Return the process at the other end of the connection."""
    here, there = scope["server"][1], scope["client"][1]
    for end in psutil.net_connections("tcp"):
        if end.pid and end.laddr and end.raddr and (end.laddr.port, end.raddr.port) == (there, here):
            return psutil.Process(end.pid)
    raise LookupError(f"no process has port {there}")
