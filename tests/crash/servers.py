"""Destinations on Vault and AWS, in both ways of addressing.

The servers run in the process of the tests, so they outlive the killed issuers.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import hvac
from botocore.exceptions import ClientError

from tests.fakes.aws_server import AwsServer
from tests.fakes.vault_fake import VaultFake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.fakes.vault_server import VaultServer

__all__ = ["REAL", "SERVED", "Served", "Servers"]

_BESIDE = "owned by the data team"
_PROVIDERS = "airflow.providers"


@dataclass(frozen=True)
class Served:
    """A destination on a server.

    :param environ: the settings with which Airflow writes and reads it.
    :param key: the field with the key; None if the key is the whole content.
    :param beside: the other field, which belongs to a person; None if there is no other field.
    :param put: stores the content of a person.
    :param get: returns the content.
    """

    destination: str
    environ: dict[str, str | None]
    key: str | None
    beside: str | None
    put: Callable[[Mapping[str, str]], object]
    get: Callable[[], Any]

    def keep_something(self, issuer: str) -> None:
        """Store data of a person beside the future key."""
        if self.beside:
            fields = {"conn_type": "polytomic", "host": issuer} if self.key == "password" else {}
            self.put({**fields, self.beside: _BESIDE})

    def check(self, live: str, *, kept: bool) -> None:
        """Check that the server has the key, and the data of the person."""
        found = self.get()
        assert (found[self.key] if self.key else found) == live
        assert not (kept and self.beside) or found[self.beside] == _BESIDE

    def check_removed(self) -> None:
        """Check that the key is gone, but not the data of the person."""
        try:
            found = self.get()
        except (hvac.exceptions.InvalidPath, ClientError):
            found = None
        assert found == ({self.beside: _BESIDE} if self.kept_when_removed else None)

    @property
    def kept_when_removed(self) -> bool:
        """Whether a removal keeps the data of the person; a connection is removed as a whole."""
        return self.beside is not None and self.key != "password"


class Servers:
    """A Vault and an AWS, in the process of the test.

    :param real: a real Vault, or None.
    """

    def __init__(self, vault: VaultServer, aws: AwsServer, real: VaultServer | None = None) -> None:
        self._vault, self._aws = vault, aws
        self.real = Servers(real, aws) if real else None
        self._kv = hvac.Client(url=vault.url, token=vault.root_token).secrets.kv
        self._secrets, self._parameters = aws.client("secretsmanager"), aws.client("ssm")
        self._user = aws.user()

    @classmethod
    @contextmanager
    def running(cls, real: VaultServer | None = None) -> Iterator[Servers]:
        """Start and stop the servers."""
        aws = AwsServer()
        try:
            with VaultFake() as vault:
                for each in filter(None, (vault, real)):
                    each.mount("kv1", 1)
                yield cls(vault, aws, real)
        finally:
            aws.stop()

    def vault_connection(self, name: str, mount: str, version: int) -> Served:
        """Create a connection that the ``VaultBackend`` reads."""
        where = {"url": self._vault.url, "token": self._vault.root_token, "mount_point": mount}
        backend = _backend("hashicorp.secrets.vault.VaultBackend", **where, kv_engine_version=version)
        return self._in_vault(f"airflow://connection/{name}", backend, mount, version, f"connections/{name}")

    def vault_outside(self, name: str, mount: str, version: int) -> Served:
        """Create a field of a secret outside Airflow."""
        address = urlsplit(self._vault.url)
        fields = {"host": address.hostname, "port": address.port, "password": self._vault.root_token}
        writer = _writer(conn_type="vault", **fields, extra={"kv_engine_version": version, "use_tls": False})
        return self._in_vault(f"vault://writer@{mount}/apps/{name}?field=key", writer, mount, version, f"apps/{name}")

    def secret_connection(self, name: str) -> Served:
        """Create a connection that the ``SecretsManagerBackend`` reads."""
        backend = _backend("amazon.aws.secrets.secrets_manager.SecretsManagerBackend", **self._where, **self._user.boto)
        return self._in_secrets(f"airflow://connection/{name}", backend, f"airflow/connections/{name}", "password")

    def secret_outside(self, name: str) -> Served:
        """Create a field of a secret outside Airflow."""
        return self._in_secrets(
            f"aws-secretsmanager://writer@/apps/{name}?field=key", self._writer, f"apps/{name}", "key"
        )

    def parameter_connection(self, name: str) -> Served:
        """Create a connection that the ``SystemsManagerParameterStoreBackend`` reads."""
        cls = "amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend"
        backend = _backend(cls, **self._where, **self._user.boto)
        destination, path = f"airflow://connection/{name}", f"/airflow/connections/{name}"
        return Served(destination, backend, "password", "description", *self._parameter(path, json.loads))

    def parameter_outside(self, name: str) -> Served:
        """Create a parameter outside Airflow."""
        return Served(
            f"aws-ssm://writer@/apps/{name}", self._writer, None, None, *self._parameter(f"/apps/{name}", str)
        )

    @property
    def _where(self) -> dict[str, str]:
        return {"region_name": self._aws.region, "endpoint_url": self._aws.endpoint_url}

    @property
    def _writer(self) -> dict[str, str | None]:
        user = self._user
        return _writer(conn_type="aws", login=user.access_key_id, password=user.secret_access_key, extra=self._where)

    def _in_vault(
        self, destination: str, environ: dict[str, str | None], mount: str, version: int, path: str
    ) -> Served:
        def put(content: Mapping[str, str]) -> object:
            if version == 1:
                return self._kv.v1.create_or_update_secret(path, content, method="POST", mount_point=mount)
            return self._kv.v2.create_or_update_secret(path, content, mount_point=mount)

        def get() -> Any:
            if version == 1:
                return self._kv.v1.read_secret(path, mount_point=mount)["data"]
            found = self._kv.v2.read_secret_version(path, mount_point=mount, raise_on_deleted_version=True)
            return found["data"]["data"]

        names = ("password", "description") if destination.startswith("airflow") else ("key", "note")
        return Served(destination, environ, *names, put, get)

    def _in_secrets(self, destination: str, environ: dict[str, str | None], name: str, key: str) -> Served:
        def put(content: Mapping[str, str]) -> object:
            return self._secrets.create_secret(Name=name, SecretString=json.dumps(content))

        def get() -> Any:
            return json.loads(self._secrets.get_secret_value(SecretId=name)["SecretString"])

        return Served(destination, environ, key, "description" if key == "password" else "note", put, get)

    def _parameter(
        self, name: str, read: Callable[[str], Any]
    ) -> tuple[Callable[[Mapping[str, str]], object], Callable[[], Any]]:
        def put(content: Mapping[str, str]) -> object:
            return self._parameters.put_parameter(Name=name, Value=json.dumps(content), Type="SecureString")

        def get() -> Any:
            return read(self._parameters.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

        return put, get


def _backend(cls: str, **kwargs: Any) -> dict[str, str | None]:
    return {
        "AIRFLOW__SECRETS__BACKEND": f"{_PROVIDERS}.{cls}",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
    }


def _writer(**fields: Any) -> dict[str, str | None]:
    return {
        "AIRFLOW__SECRETS__BACKEND": None,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": None,
        "AIRFLOW_CONN_WRITER": json.dumps(fields),
    }


SERVED: dict[str, Callable[[Servers, str], Served]] = {
    "vault-kv2-connection": lambda servers, name: servers.vault_connection(name, "secret", 2),
    "vault-kv1-connection": lambda servers, name: servers.vault_connection(name, "kv1", 1),
    "vault-kv2-outside": lambda servers, name: servers.vault_outside(name, "secret", 2),
    "aws-secretsmanager-connection": lambda servers, name: servers.secret_connection(name),
    "aws-secretsmanager-outside": lambda servers, name: servers.secret_outside(name),
    "aws-ssm-connection": lambda servers, name: servers.parameter_connection(name),
    "aws-ssm-outside": lambda servers, name: servers.parameter_outside(name),
}


def _real(servers: Servers) -> Servers:
    assert servers.real, "there is no real one"
    return servers.real


# The same, with a real Vault.
REAL: dict[str, Callable[[Servers, str], Served]] = {
    "vault_real-kv2-connection": lambda servers, name: _real(servers).vault_connection(name, "secret", 2),
    "vault_real-kv1-connection": lambda servers, name: _real(servers).vault_connection(name, "kv1", 1),
    "vault_real-kv2-outside": lambda servers, name: _real(servers).vault_outside(name, "secret", 2),
}
