"""Stores whose requests are interleaved: real ones over HTTP, with one backend for every issuer.

Issuers are processes on different machines, so none shares a client with another.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Protocol

import hvac
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend
from airflow.providers.hashicorp.secrets.vault import VaultBackend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.aws_server import AwsServer
    from tests.fakes.vault_server import VaultServer

__all__ = ["Served", "ServedParameters", "ServedSecrets", "ServedVault"]


class Served(Protocol):
    """One store on its server, and what a human may do there without this package."""

    name: str
    switches: int
    """How many switches that nothing forces are tried: fewer where a request takes long."""
    more_switches: int
    """How many in the scenarios with more to them: a death, a third issuer, another mode."""

    def backend(self) -> Any:
        """Return a new secrets backend, as another process would make it."""

    def put(self, conn_id: str, content: Mapping[str, Any]) -> None:
        """Store the fields of a connection, whatever is there."""

    def remove(self, conn_id: str) -> None:
        """Delete the connection."""

    def content(self, conn_id: str) -> Mapping[str, Any] | None:
        """Return the fields that are stored."""

    def is_write(self, request: str) -> bool:
        """Whether a request may be the one that makes a value the one that readers get."""

    def is_read(self, request: str) -> bool:
        """Whether a request asks for the value."""


class ServedVault:
    """A KV engine."""

    switches = 2

    def __init__(self, server: VaultServer, mount: str, version: Literal[1, 2]) -> None:
        self.name = f"vault-kv{version}"
        self.more_switches = 1 if version == 2 else 0
        self._server, self._mount, self._version = server, mount, version
        self._root = hvac.Client(url=server.url, token=server.root_token)
        self._reader = self.backend().vault_client

    def backend(self) -> Any:
        return VaultBackend(
            url=self._server.url,
            token=self._server.root_token,
            mount_point=self._mount,
            kv_engine_version=self._version,
        )

    def put(self, conn_id: str, content: Mapping[str, Any]) -> None:
        if self._version == 1:
            self._root.secrets.kv.v1.create_or_update_secret(
                f"connections/{conn_id}", content, method="POST", mount_point=self._mount
            )
        else:
            self._root.secrets.kv.v2.create_or_update_secret(f"connections/{conn_id}", content, mount_point=self._mount)

    def remove(self, conn_id: str) -> None:
        data = "data/" if self._version == 2 else ""
        self._root.adapter.delete(f"/v1/{self._mount}/{data}connections/{conn_id}")

    def content(self, conn_id: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._reader.get_secret(f"connections/{conn_id}")
        return found

    def is_write(self, request: str) -> bool:
        return request.startswith("POST ") and request.endswith("connections/acme")

    def is_read(self, request: str) -> bool:
        return request.startswith("GET ") and request.endswith("connections/acme")


class _ServedAws:
    service = ""
    prefix = ""
    cls: Any
    switches = 1
    more_switches = 0

    def __init__(self, server: AwsServer) -> None:
        self._server = server
        self._user = server.user()
        self._own = server.client(self.service)

    def backend(self) -> Any:
        where = {"region_name": self._server.region, "endpoint_url": self._server.endpoint_url}
        return self.cls(connections_prefix=self.prefix, **where, **self._user.boto)


class ServedSecrets(_ServedAws):
    """AWS Secrets Manager."""

    name = "aws-secretsmanager"
    service, prefix, cls = "secretsmanager", "airflow/connections", SecretsManagerBackend

    def put(self, conn_id: str, content: Mapping[str, Any]) -> None:
        name, text = f"{self.prefix}/{conn_id}", json.dumps(content)
        try:
            self._own.put_secret_value(SecretId=name, SecretString=text)
        except self._own.exceptions.ResourceNotFoundException:
            self._own.create_secret(Name=name, SecretString=text)

    def remove(self, conn_id: str) -> None:
        self._own.delete_secret(SecretId=f"{self.prefix}/{conn_id}", ForceDeleteWithoutRecovery=True)

    def content(self, conn_id: str) -> Mapping[str, Any] | None:
        try:
            text = self._own.get_secret_value(SecretId=f"{self.prefix}/{conn_id}")["SecretString"]
        except self._own.exceptions.ResourceNotFoundException:
            return None
        found: Mapping[str, Any] = json.loads(text)
        return found

    def is_write(self, request: str) -> bool:
        return request.startswith(("PutSecretValue", "UpdateSecretVersionStage"))

    def is_read(self, request: str) -> bool:
        return request.startswith("GetSecretValue")


class ServedParameters(_ServedAws):
    """AWS Systems Manager Parameter Store."""

    name = "aws-ssm"
    service, prefix, cls = "ssm", "/airflow/connections", SystemsManagerParameterStoreBackend

    def put(self, conn_id: str, content: Mapping[str, Any]) -> None:
        name, text = f"{self.prefix}/{conn_id}", json.dumps(content)
        self._own.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)

    def remove(self, conn_id: str) -> None:
        self._own.delete_parameters(Names=[f"{self.prefix}/{conn_id}"])

    def content(self, conn_id: str) -> Mapping[str, Any] | None:
        try:
            found = self._own.get_parameter(Name=f"{self.prefix}/{conn_id}", WithDecryption=True)
        except self._own.exceptions.ParameterNotFound:
            return None
        content: Mapping[str, Any] = json.loads(found["Parameter"]["Value"])
        return content

    def is_write(self, request: str) -> bool:
        return request == f"PutParameter {self.prefix}/acme"

    def is_read(self, request: str) -> bool:
        return request == f"GetParameter {self.prefix}/acme"
