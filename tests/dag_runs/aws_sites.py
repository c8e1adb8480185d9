"""Secrets Manager and Parameter Store with a prefix for Airflow, and users with limited rights; like ``VaultSite``."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from tests.dag_runs.secrets_settings import BACKEND, KWARGS
from tools.airflow_sandbox.environment import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.dag_runs.servers import Rights
    from tests.fakes.aws_accounts import Credentials
    from tests.fakes.aws_server import AwsServer

__all__ = ["ParameterStoreSite", "SecretsManagerSite"]


class _AwsSite:
    """One prefix; values that people store there are encrypted with a customer-managed key."""

    service = ""
    backend = ""
    slash = ""
    reads = ""

    def __init__(self, server: AwsServer) -> None:
        self.secrets: list[str] = []
        self.prefix = f"{self.slash}airflow-{uuid.uuid4().hex[:8]}"
        self._server, self._client, self._key = server, server.client(self.service), server.key()

    def settings(self, rights: Rights = "write", *, down: bool = False, **kwargs: Any) -> dict[str, str]:
        server = self._where() | ({"endpoint_url": f"http://127.0.0.1:{free_port()}"} if down else {})
        prefixes = {f"{kind}s_prefix": f"{self.prefix}/{kind}s" for kind in ("connection", "variable")}
        return {BACKEND: self.backend, KWARGS: json.dumps(server | prefixes | self._user(rights).boto | kwargs)}

    def connection(self) -> str:
        user = self._user("write")
        signed = {"login": user.access_key_id, "password": user.secret_access_key}
        return json.dumps({"conn_type": "aws", **signed, "extra": self._where()})

    def put(self, name: str, fields: Mapping[str, Any]) -> None:
        self._put(f"{self.prefix}/connections/{name}", json.dumps(fields))

    def fields(self, name: str) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = json.loads(self._get(f"{self.prefix}/connections/{name}") or "{}")
        return fields

    def variable(self, name: str) -> str | None:
        return self._get(f"{self.prefix}/variables/{name}")

    def deny(self) -> None:
        self._server.disable_key(self._key)

    def _where(self) -> dict[str, str]:
        return {"endpoint_url": self._server.endpoint_url, "region_name": self._server.region}

    def _user(self, rights: Rights) -> Credentials:
        actions = {
            "none": ["none:Nothing"],
            "read": [self.reads, "kms:Decrypt"],
            "write": [f"{self.service}:*", "kms:*"],
        }
        user = self._server.user([{"Effect": "Allow", "Action": actions[rights], "Resource": "*"}])
        self.secrets.append(user.secret_access_key)
        return user

    def _put(self, name: str, text: str) -> None:
        raise NotImplementedError

    def _get(self, name: str) -> str | None:
        raise NotImplementedError


class SecretsManagerSite(_AwsSite):
    """Secrets of one account and region."""

    service = "secretsmanager"
    backend = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    reads = "secretsmanager:GetSecretValue"
    beside: str | None = "owner"

    def __init__(self, server: AwsServer) -> None:
        super().__init__(server)
        self.outside = f"aws-secretsmanager://{{conn_id}}@/{self.prefix}/outside/{{name}}?field=api_key"

    def put_outside(self, name: str, key: str, beside: str) -> None:
        self._put(f"{self.prefix}/outside/{name}", json.dumps({"api_key": key, "owner": beside}))

    def held_outside(self, name: str) -> tuple[str | None, str | None]:
        found = json.loads(self._get(f"{self.prefix}/outside/{name}") or "{}")
        return found.get("api_key"), found.get("owner")

    def _put(self, name: str, text: str) -> None:
        try:
            self._client.put_secret_value(SecretId=name, SecretString=text)
        except self._client.exceptions.ResourceNotFoundException:
            self._client.create_secret(Name=name, SecretString=text, KmsKeyId=self._key)

    def _get(self, name: str) -> str | None:
        try:
            text: str = self._client.get_secret_value(SecretId=name)["SecretString"]
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return text


class ParameterStoreSite(_AwsSite):
    """Parameters of one account and region."""

    service = "ssm"
    backend = "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend"
    reads = "ssm:GetParameter"
    slash = "/"
    beside: str | None = None

    def __init__(self, server: AwsServer) -> None:
        super().__init__(server)
        self.outside = f"aws-ssm://{{conn_id}}@{self.prefix}/outside/{{name}}"

    def put_outside(self, name: str, key: str, beside: str) -> None:
        self._put(f"{self.prefix}/outside/{name}", key)

    def held_outside(self, name: str) -> tuple[str | None, str | None]:
        return self._get(f"{self.prefix}/outside/{name}"), None

    def _put(self, name: str, text: str) -> None:
        self._client.put_parameter(Name=name, Value=text, Type="SecureString", KeyId=self._key, Overwrite=True)

    def _get(self, name: str) -> str | None:
        try:
            text: str = self._client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except self._client.exceptions.ParameterNotFound:
            return None
        return text
