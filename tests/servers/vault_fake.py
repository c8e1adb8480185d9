"""A Vault without Vault: KV mounts, policies and namespaces over real HTTP, as strict as the real one.

``tests/servers/test_vault_*.py`` hold it to a real Vault or OpenBao wherever one is on PATH.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from airflow_provider_polytomic.testing.server import ServerThread
from tests.servers.vault_fake_core import Core
from tests.servers.vault_fake_faults import Fault, Faults, Received
from tests.servers.vault_fake_http import build_app
from tests.servers.vault_fake_kv import KvV1
from tests.servers.vault_fake_kv2 import KvV2

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from starlette.applications import Starlette

    from tests.servers.vault_fake_kv import Engine

__all__ = ["VaultFake"]


class VaultFake:
    """A :class:`~tests.servers.vault_server.VaultServer` in a thread, which can be told to fail and says what it got.

    Use as a context manager, or stop it.
    """

    version = "fake"

    def __init__(self) -> None:
        self._core = Core()
        self._faults = Faults()
        self._received: list[Received] = []
        self._lock = threading.RLock()
        self.mount("secret", 2)
        self._thread = ServerThread(self._app, "127.0.0.1", 0)

    def __enter__(self) -> Self:
        """Serve already since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._thread.port}"

    @property
    def root_token(self) -> str:
        """A token that may do everything."""
        return self._core.tokens.root.value

    def mount(self, path: str, version: int, *, cas_required: bool = False, namespace: str | None = None) -> None:
        """Mount a KV secrets engine."""
        engines: dict[int, Engine] = {1: KvV1(), 2: KvV2(cas_required=cas_required)}
        if version == 1 and cas_required:
            raise ValueError("KV version 1 has no check-and-set")
        with self._lock:
            where, mount = self._inside(namespace), f"{path}/"
            if taken := [
                m for w, m in self._core.mounts if w == where and (m.startswith(mount) or mount.startswith(m))
            ]:
                raise ValueError(f"path is already in use at {taken[0]}")
            self._core.mounts[where, mount] = engines[version]

    def policy(self, name: str, hcl: str, namespace: str | None = None) -> None:
        """Write an ACL policy."""
        with self._lock:
            self._core.tokens.set_policy(name, hcl, self._inside(namespace))

    def token(self, policies: Sequence[str], *, no_default: bool = False, namespace: str | None = None) -> str:
        """Return a new token."""
        with self._lock:
            return self._core.tokens.issue(policies, self._inside(namespace), default=not no_default).value

    def revoke(self, token: str) -> None:
        """Have a token refused from now on."""
        with self._lock:
            self._core.tokens.revoke(token)

    def userpass(self, user: str, password: str, policies: Sequence[str], *, namespace: str | None = None) -> None:
        """Let somebody log in."""
        with self._lock:
            self._core.tokens.set_user(user, password, policies, self._inside(namespace))

    def namespace(self, name: str) -> None:
        """Make a namespace."""
        with self._lock:
            self._inside(name.rpartition("/")[0])
            self._core.namespaces.add(f"{name}/")

    def stop(self) -> None:
        """Close every connection, and wait until nothing runs any more."""
        self._thread.stop()

    def seal(self) -> None:
        """Answer 503 to everything."""
        self._core.sealed = True

    def unseal(self) -> None:
        """Serve again."""
        self._core.sealed = False

    def fail(
        self,
        method: str = "*",
        path: str = "*",
        *,
        status: int | None = None,
        drop: bool = False,
        applied: bool = False,
        delay: float = 0.0,
        times: int = 1,
        skip: int = 0,
    ) -> None:
        """Have the next requests that match go wrong; the rest as in :class:`~tests.servers.vault_fake_faults.Fault`.

        :param times: how many of them.
        :param skip: how many that match are spared before.
        """
        fault = Fault(method, path, status, drop, applied, delay)
        with self._lock:
            self._faults.add(fault, times=times, skip=skip)

    def forget(self) -> None:
        """Drop the faults that are still to come, and the list of requests."""
        with self._lock:
            self._faults.clear()
            self._received.clear()

    @property
    def faults_left(self) -> int:
        """How many requests will still go wrong."""
        return self._faults.left

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in the order of the answers."""
        return list(self._received)

    @property
    def logins(self) -> int:
        """How many logins have succeeded."""
        return sum(each.path.startswith("auth/userpass/login/") and each.status == 200 for each in self.requests)

    def _app(self, stopping: asyncio.Event) -> Starlette:
        return build_app(self._core, self._faults, self._received, self._lock, stopping)

    def _inside(self, namespace: str | None) -> str:
        """Return a namespace with its slash, which must be there."""
        where = f"{namespace}/" if namespace else ""
        if where not in self._core.namespaces:
            raise ValueError(f"there is no namespace {namespace}")
        return where
