"""Vault in the contract suite: both KV versions, each kind of address, on the fake and on a real server."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import hvac
from airflow.providers.hashicorp.secrets.vault import VaultBackend

from tests.contract.cases import CONNECTION, Addressing, BackendCase, Layout

if TYPE_CHECKING:
    import pytest

    from tests.contract.cases import Make
    from tests.fakes.vault_server import VaultServer

__all__ = ["VAULT_CASES"]

_ALL = 'path "{mount}/*" {{ capabilities = ["create", "read", "update", "delete"] }}'
_READ = 'path "{mount}/*" {{ capabilities = ["read"] }}'
_LAYOUTS: dict[Addressing, Layout] = {
    "connection": CONNECTION,
    "variable": Layout("value", "note"),
    "writer": CONNECTION,
    "field": Layout("api_key", "note"),
}
_FOLDERS: dict[Addressing, str] = {"variable": "variables/", "field": ""}


class VaultCase(BackendCase):
    """A mount of one test."""

    writer = "vault_of_the_test"
    denied_reasons = frozenset({"missing_right", "refused_by_vault"})

    def __init__(
        self, server: VaultServer, monkeypatch: pytest.MonkeyPatch, version: Literal[1, 2], addressing: Addressing
    ) -> None:
        self.server, self.monkeypatch, self.version = server, monkeypatch, version
        self.addressing, self.layout = addressing, _LAYOUTS[addressing]
        super().__init__()
        self.mount = f"m{uuid.uuid4().hex}"
        self.outside = (f"vault://{self.writer}@{self.mount}/", "?field=api_key")
        server.mount(self.mount, version)
        self.root = hvac.Client(url=server.url, token=server.root_token)
        self._use(_ALL)

    def _token(self, policy: str) -> str:
        self.server.policy(name := f"p{uuid.uuid4().hex}", policy.format(mount=self.mount))
        return self.server.token([name])

    def _use(self, policy: str) -> None:
        """Have Airflow log in with a new token that has this policy."""
        token = self._token(policy)
        self.backend = VaultBackend(
            url=self.server.url,
            token=self._token(_READ) if self.addressing == "writer" else token,
            mount_point=self.mount,
            kv_engine_version=self.version,
            variables_path="variables",
        )
        address = urlsplit(self.server.url)
        connection = {
            "conn_type": "vault",
            "host": address.hostname,
            "port": address.port,
            "password": token,
            "extra": {"kv_engine_version": self.version, "use_tls": False},
        }
        self.forget_clients()
        self.monkeypatch.setenv("AIRFLOW_CONN_VAULT_OF_THE_TEST", json.dumps(connection))

    def deny_writes(self) -> None:
        self._use(_READ)

    def set(self, name: str, content: Any) -> None:
        where = {"path": _FOLDERS.get(self.addressing, "connections/") + name, "mount_point": self.mount}
        if self.version == 1:
            self.root.secrets.kv.v1.create_or_update_secret(secret=content, method="POST", **where)
        else:
            self.root.secrets.kv.v2.create_or_update_secret(secret=content, **where)

    def get(self, name: str) -> Any:
        where = {"path": _FOLDERS.get(self.addressing, "connections/") + name, "mount_point": self.mount}
        kv = self.root.secrets.kv
        try:
            if self.version == 1:
                return kv.v1.read_secret(**where)["data"]
            return kv.v2.read_secret_version(raise_on_deleted_version=True, **where)["data"]["data"]
        except hvac.exceptions.InvalidPath:
            return None


def _case(server: str, version: Literal[1, 2], addressing: Addressing) -> Make:
    return lambda request, _: VaultCase(
        request.getfixturevalue(server), request.getfixturevalue("monkeypatch"), version, addressing
    )


_VERSIONS: tuple[Literal[1, 2], ...] = (1, 2)
VAULT_CASES: dict[str, Make] = {
    f"{server.removeprefix('shared_')}-kv{version}-{addressing}": _case(server, version, addressing)
    for server in ("shared_vault_fake", "vault_real")
    for version in _VERSIONS
    for addressing in _LAYOUTS
}
