"""Fake Vault: KV mounts, policies and namespaces over HTTP, as strict as a real one.

``tests/fakes/test_vault_fake.py`` compares it with a real Vault or OpenBao if one is on PATH.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider_polytomic.testing.server import ServerThread
from tests.fakes.vault_fake_core import Core, hang_up, parse_request, send_reply
from tests.fakes.vault_fake_kv import KvV1, KvV2, Reply

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from tests.fakes.vault_fake_kv import Engine

__all__ = ["Received", "VaultFake"]


@dataclass(frozen=True, slots=True)
class Received:
    """One request that arrived.

    :param path: below ``/v1/``.
    :param body: parsed from JSON.
    :param status: of the answer; None if the connection was dropped.
    """

    method: str
    path: str
    status: int | None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class _Fault:
    """A fault of matching requests: a status, or no answer if it is None.

    :param path: a shell pattern over the path below ``/v1/``; ``*`` crosses slashes.
    :param applied: apply the request before it fails.
    """

    method: str
    path: str
    status: int | None
    applied: bool
    times: int

    def meets(self, method: str, path: str) -> bool:
        return self.method in {"*", method} and fnmatchcase(path, self.path)


class VaultFake:
    """A :class:`~tests.fakes.vault_server.VaultServer` in a thread, with fault injection and a list of its requests.

    Use as a context manager, or stop it.
    """

    version = "fake"

    def __init__(self) -> None:
        self._core = Core()
        self._faults: list[_Fault] = []
        self._received: list[Received] = []
        # Locked while a request is handled, as tests change the server's state from another thread.
        self._lock = threading.RLock()
        self.mount("secret", 2)
        self._thread = ServerThread(self._app, "127.0.0.1", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._thread.port}"

    @property
    def root_token(self) -> str:
        return self._core.access.root.value

    def mount(self, path: str, version: int, *, cas_required: bool = False, namespace: str | None = None) -> None:
        engines: dict[int, Engine] = {1: KvV1(), 2: KvV2(cas_required=cas_required)}
        if version == 1 and cas_required:
            raise ValueError("KV version 1 has no check-and-set")
        mount = f"{namespace}/{path}/" if namespace else f"{path}/"
        with self._lock:
            if namespace and f"{namespace}/" not in self._core.namespaces:
                raise ValueError(f"there is no namespace {namespace}")
            if taken := [m for m in self._core.mounts if m.startswith(mount) or mount.startswith(m)]:
                raise ValueError(f"path is already in use at {taken[0]}")
            self._core.mounts[mount] = engines[version]

    def policy(self, name: str, hcl: str) -> None:
        with self._lock:
            self._core.access.set_policy(name, hcl)

    def token(self, policies: Sequence[str], *, no_default: bool = False) -> str:
        with self._lock:
            return self._core.access.issue(policies, default=not no_default).value

    def revoke(self, token: str) -> None:
        with self._lock:
            self._core.access.revoke(token)

    def userpass(self, user: str, password: str, policies: Sequence[str]) -> None:
        with self._lock:
            self._core.access.set_user(user, password, policies)

    def namespace(self, name: str) -> None:
        with self._lock:
            self._core.namespaces.add(f"{name}/")

    def stop(self) -> None:
        """Close every connection, and wait until the server has ended."""
        self._thread.stop()

    def fail(
        self,
        method: str = "*",
        path: str = "*",
        *,
        status: int | None = None,
        drop: bool = False,
        applied: bool = False,
        times: int = 1,
    ) -> None:
        """Make the next matching requests fail, with a status or without an answer.

        :param path: a shell pattern over the path below ``/v1/``; ``*`` crosses slashes.
        :param applied: apply the request before it fails.
        :param times: how many requests.
        """
        if drop == (status is not None):
            raise ValueError("a fault either answers with a status or drops the connection")
        with self._lock:
            self._faults.append(_Fault(method, path, status, applied, times))

    def forget(self) -> None:
        """Drop the remaining faults and the list of requests."""
        with self._lock:
            self._faults.clear()
            self._received.clear()

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in the order of the answers."""
        return list(self._received)

    @property
    def logins(self) -> int:
        """The number of successful logins."""
        return sum(each.path.startswith("auth/userpass/login/") and each.status == 200 for each in self.requests)

    def _app(self, _stopping: asyncio.Event) -> Starlette:
        return Starlette(routes=[Mount("/", self._answer)])

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await parse_request(scope, receive)
        with self._lock:
            fault = self._take_fault(request.method, request.path)
            reply = Reply(0) if fault and not fault.applied else self._core.handle(request)
            if fault and fault.status:
                reply = Reply(fault.status, {"errors": [f"injected: {fault.status}"]})
            dropped = fault is not None and fault.status is None
            status = None if dropped else reply.status
            self._received.append(Received(request.method, request.path, status, request.body or {}))
        if dropped:
            await hang_up(scope, receive)
        else:
            await send_reply(reply, scope, receive, send)

    def _take_fault(self, method: str, path: str) -> _Fault | None:
        """Return the first fault that matches a request."""
        fault = next((fault for fault in self._faults if fault.meets(method, path)), None)
        if fault is not None:
            fault.times -= 1
            self._faults = [fault for fault in self._faults if fault.times]
        return fault
