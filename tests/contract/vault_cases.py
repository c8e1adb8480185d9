"""What is a Vault to the contract suite? Both KV versions, each way of addressing, on the fake and a real one."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

import hvac
from airflow.providers.hashicorp.secrets.vault import VaultBackend

from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.opening import Clients, Stores, store_on
from tests.contract.cases import ANY_NAME, ISSUER

if TYPE_CHECKING:
    import pytest

    from airflow_provider_polytomic.secret_stores.base import SecretStore
    from tests.contract.cases import Make
    from tests.servers.vault_server import VaultServer

__all__ = ["VAULT_CASES", "VaultCase"]

Way = Literal["connection", "variable", "writer", "outside"]

ALL = 'path "{mount}/*" {{ capabilities = ["create", "read", "update", "delete"] }}'
READ = 'path "{mount}/*" {{ capabilities = ["read"] }}'


class VaultCase:
    """A mount of its own.

    :param way: by a connection or a Variable of Airflow's, by a connection that another connection writes, or by a
        field of a secret outside Airflow.
    """

    parallel = True
    names = ANY_NAME
    denied = "Vault refuses to|does not let this role"
    checks_rights = True

    def __init__(self, server: VaultServer, monkeypatch: pytest.MonkeyPatch, version: Literal[1, 2], way: Way) -> None:
        self.server, self.monkeypatch, self.version, self.way = server, monkeypatch, version, way
        self.mount = f"m{uuid.uuid4().hex}"
        server.mount(self.mount, version)
        self.root = hvac.Client(url=server.url, token=server.root_token)
        self.keeps_beside: str | None = "owned by the data team"
        self._use(ALL)

    def _use(self, policy: str) -> None:
        """Have Airflow work with a new token that has this policy."""
        server, name = self.server, f"p{uuid.uuid4().hex}"
        server.policy(name, policy.format(mount=self.mount))
        token = server.token([name])
        if self.way == "writer":
            server.policy(f"{name}-reader", READ.format(mount=self.mount))
        self.backend = VaultBackend(
            url=server.url,
            token=server.token([f"{name}-reader"]) if self.way == "writer" else token,
            mount_point=self.mount,
            kv_engine_version=self.version,
            variables_path="variables",
        )
        address = urlsplit(server.url)
        connection = {
            "conn_type": "vault",
            "host": address.hostname,
            "port": address.port,
            "password": token,
            "extra": {"kv_engine_version": self.version, "use_tls": False},
        }
        self.stores, self.clients = Stores(issuer=ISSUER), Clients()
        self.monkeypatch.setenv("AIRFLOW_CONN_VAULT_OF_THE_TEST", json.dumps(connection))

    def open(self, name: str) -> SecretStore:
        if self.way == "outside":
            return self.stores.open(f"vault://vault_of_the_test@{self.mount}/{quote(name)}?field=api_key")
        kind: Any = "variable" if self.way == "variable" else "connection"
        conn_id = "vault_of_the_test" if self.way == "writer" else None
        destination = Destination.parse(str(Destination("airflow", kind, name, conn_id=conn_id)))
        return store_on(self.backend, destination, issuer=ISSUER, clients=self.clients)

    def put(self, name: str, key: str, beside: str | None = None) -> None:
        if self.way == "outside":
            self.put_content(name, {"api_key": key, "note": beside or ""})
        elif self.way == "variable":
            self.put_content(name, {"value": key, "note": beside or ""})
        else:
            fields = {"conn_type": "polytomic", "host": ISSUER, "password": key}
            self.put_content(name, {**fields, "description": beside} if beside else fields)

    def put_foreign(self, name: str) -> None:
        if self.way in {"outside", "variable"}:
            self.put_content(name, {"api_key": "two words", "value": "two words"})
        else:
            self.put_content(name, {"conn_type": "postgres", "host": "db", "password": "warehouse-password"})

    def beside(self, name: str) -> str | None:
        return self.content(name).get("note" if self.way in {"outside", "variable"} else "description")

    def consumer(self, name: str) -> str | None:
        if self.way == "outside":
            return self.content(name).get("api_key")
        if self.way == "variable":
            return self.backend.get_variable(name)
        connection = self.backend.get_connection(name)
        return connection.password if connection else None

    def deny(self) -> None:
        self._use(READ)

    def path(self, name: str) -> str:
        prefix = {"outside": "", "variable": "variables/"}.get(self.way, "connections/")
        return f"{prefix}{name}"

    def put_content(self, name: str, content: dict[str, Any]) -> None:
        """Write as a person does, without compare-and-set."""
        if self.version == 1:
            self.root.secrets.kv.v1.create_or_update_secret(
                self.path(name), content, method="POST", mount_point=self.mount
            )
        else:
            self.root.secrets.kv.v2.create_or_update_secret(self.path(name), content, mount_point=self.mount)

    def content(self, name: str) -> dict[str, Any]:
        """Read as a person does."""
        kv = self.root.secrets.kv
        try:
            if self.version == 1:
                return dict(kv.v1.read_secret(self.path(name), mount_point=self.mount)["data"])
            answer = kv.v2.read_secret_version(self.path(name), mount_point=self.mount, raise_on_deleted_version=True)
        except hvac.exceptions.InvalidPath:
            return {}
        return dict(answer["data"]["data"])


def _case(server: str, version: Literal[1, 2], way: Way) -> Make:
    return lambda request, _: VaultCase(
        request.getfixturevalue(server), request.getfixturevalue("monkeypatch"), version, way
    )


_WAYS: tuple[Way, ...] = ("connection", "variable", "writer", "outside")
_VERSIONS: tuple[Literal[1, 2], ...] = (1, 2)
VAULT_CASES: dict[str, Make] = {
    f"{server.removeprefix('shared_')}-kv{version}-{way}": _case(server, version, way)
    for server in ("shared_vault_fake", "vault_real")
    for version in _VERSIONS
    for way in _WAYS
}
