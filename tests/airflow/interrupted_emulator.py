"""Emulator that calls a test's function when the request for a key arrives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing import PolytomicEmulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["InterruptedEmulator"]


class InterruptedEmulator(PolytomicEmulator):
    """An emulator that calls a function before it creates a user's key.

    At that time, the issuer has checked its rights and recorded its intent; the write comes next.
    """

    def __init__(self, partner_key: str) -> None:
        super().__init__(partner_key)
        self._acts: dict[str, Callable[[], object]] = {}

    def before_key_of(self, user_id: str, act: Callable[[], object]) -> None:
        """Call a function when the first request for a key of this user arrives."""
        self._acts[user_id] = act

    def _build(self, stopping: asyncio.Event) -> Starlette:
        app = super()._build(stopping)
        app.add_middleware(_Interruption, acts=self._acts)
        return app


class _Interruption:
    """ASGI middleware of the emulator."""

    def __init__(self, app: ASGIApp, acts: dict[str, Callable[[], Any]]) -> None:
        self._app, self._acts = app, acts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            user_id = str(scope["path"]).removesuffix("/keys").rpartition("/")[2]
            if act := self._acts.pop(user_id, None):
                await asyncio.to_thread(act)
        await self._app(scope, receive, send)
