"""AWS in the contract suite: Secrets Manager and Parameter Store, with each kind of address."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from tests.contract.cases import CONNECTION, TEXT, Addressing, BackendCase, Layout

if TYPE_CHECKING:
    import pytest

    from tests.contract.cases import Make
    from tests.fakes.aws_server import AwsServer

__all__ = ["AWS_CASES"]

_READ = [
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
]
_LAYOUTS: dict[Addressing, Layout] = {
    "connection": CONNECTION,
    "variable": TEXT,
    "writer": CONNECTION,
    "outside": TEXT,
    "field": Layout("api_key", "note"),
}


class _AwsCase(BackendCase):
    """An empty AWS."""

    writer = "aws_of_the_test"
    service: str
    scheme: str
    slash = ""
    backend_class: Any

    def __init__(self, server: AwsServer, monkeypatch: pytest.MonkeyPatch, addressing: Addressing) -> None:
        self.server, self.monkeypatch, self.addressing, self.layout = (
            server,
            monkeypatch,
            addressing,
            _LAYOUTS[addressing],
        )
        super().__init__()
        self.outside = (f"{self.scheme}://{self.writer}@/apps/", "?field=api_key" if addressing == "field" else "")
        self.own = server.client(self.service)
        self._use("*")

    def _use(self, actions: str | list[str]) -> None:
        """Have Airflow log in as a new user with the right to these actions."""
        server = self.server
        user = server.user([{"Effect": "Allow", "Action": actions, "Resource": "*"}])
        reader = (
            server.user([{"Effect": "Allow", "Action": _READ, "Resource": "*"}])
            if self.addressing == "writer"
            else user
        )
        where: dict[str, Any] = {"region_name": server.region, "endpoint_url": server.endpoint_url}
        self.backend = self.backend_class(**where, **reader.boto)
        connection = {
            "conn_type": "aws",
            "login": user.access_key_id,
            "password": user.secret_access_key,
            "extra": where,
        }
        self.forget_clients()
        self.monkeypatch.setenv("AIRFLOW_CONN_AWS_OF_THE_TEST", json.dumps(connection))

    def deny_writes(self) -> None:
        self._use(_READ)

    def path(self, name: str) -> str:
        folder = {"outside": "apps", "field": "apps", "variable": "airflow/variables"}.get(self.addressing)
        return f"{self.slash}{folder or 'airflow/connections'}/{name}"

    def set(self, name: str, content: Any) -> None:
        self._set(self.path(name), content if self.layout is TEXT else json.dumps(content))

    def get(self, name: str) -> Any:
        text = self._get(self.path(name))
        return text if self.layout is TEXT or text is None else json.loads(text)

    def _set(self, path: str, text: str) -> None:
        raise NotImplementedError

    def _get(self, path: str) -> str | None:
        raise NotImplementedError


class SecretsManagerCase(_AwsCase):
    service, scheme, backend_class = "secretsmanager", "aws-secretsmanager", SecretsManagerBackend
    supported_names = re.compile(r"[\w/+=.@-]{1,500}", re.ASCII)

    def _set(self, path: str, text: str) -> None:
        try:
            self.own.put_secret_value(SecretId=path, SecretString=text)
        except self.own.exceptions.ResourceNotFoundException:
            self.own.create_secret(Name=path, SecretString=text)

    def _get(self, path: str) -> str | None:
        try:
            text: str | None = self.own.get_secret_value(SecretId=path).get("SecretString")
        except (self.own.exceptions.ResourceNotFoundException, self.own.exceptions.InvalidRequestException):
            return None  # it does not exist, or it is deleted
        return text


class ParameterStoreCase(_AwsCase):
    service, scheme, backend_class = "ssm", "aws-ssm", SystemsManagerParameterStoreBackend
    slash = "/"
    supported_names = re.compile(r"[\w/.-]{1,900}", re.ASCII)
    checks_write = False

    def _set(self, path: str, text: str) -> None:
        self.own.put_parameter(Name=path, Value=text, Type="SecureString", Overwrite=True)

    def _get(self, path: str) -> str | None:
        try:
            text: str = self.own.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"]
        except self.own.exceptions.ParameterNotFound:
            return None
        return text


def _case(cls: type[SecretsManagerCase | ParameterStoreCase], addressing: Addressing) -> Make:
    return lambda request, _: cls(
        request.getfixturevalue("aws_server"), request.getfixturevalue("monkeypatch"), addressing
    )


AWS_CASES: dict[str, Make] = {
    **{f"secretsmanager-{addressing}": _case(SecretsManagerCase, addressing) for addressing in _LAYOUTS},
    **{f"ssm-{addressing}": _case(ParameterStoreCase, addressing) for addressing in _LAYOUTS if addressing != "field"},
}
