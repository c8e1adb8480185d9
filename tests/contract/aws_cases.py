"""What is AWS to the contract suite? Secrets Manager and Parameter Store, in both ways of addressing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.opening import Clients, Stores, store_on
from tests.contract.cases import ISSUER

if TYPE_CHECKING:
    import pytest

    from airflow_provider_polytomic.secret_stores.base import SecretStore
    from tests.contract.cases import Make
    from tests.servers.aws_server import AwsServer

__all__ = ["AWS_CASES"]

Way = Literal["connection", "variable", "writer", "outside", "field"]

READ = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "ssm:GetParameter", "ssm:GetParameterHistory"]


class _SecretsManager:
    service, backend, scheme, prefix = "secretsmanager", SecretsManagerBackend, "aws-secretsmanager", "apps/"
    names = re.compile(r"[\w/+=.@-]{1,500}", re.ASCII)

    def put(self, client: Any, name: str, text: str) -> None:
        try:
            client.put_secret_value(SecretId=name, SecretString=text)
        except client.exceptions.ResourceNotFoundException:
            client.create_secret(Name=name, SecretString=text)

    def get(self, client: Any, name: str) -> str | None:
        try:
            text: str | None = client.get_secret_value(SecretId=name).get("SecretString")
        except (client.exceptions.ResourceNotFoundException, client.exceptions.InvalidRequestException):
            return None  # there is none, or it is deleted
        return text


class _ParameterStore:
    service, backend, scheme, prefix = "ssm", SystemsManagerParameterStoreBackend, "aws-ssm", "/apps/"
    names = re.compile(r"[\w/.-]{1,900}", re.ASCII)

    def put(self, client: Any, name: str, text: str) -> None:
        client.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)

    def get(self, client: Any, name: str) -> str | None:
        try:
            text: str = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except client.exceptions.ParameterNotFound:
            return None
        return text


class AwsCase:
    """An empty AWS.

    :param way: by a connection or a Variable of Airflow's, by a connection that another connection writes, by a secret
        outside Airflow, or by a field of one.
    """

    parallel = True
    denied = "not authorized"

    def __init__(
        self, server: AwsServer, monkeypatch: pytest.MonkeyPatch, service: _SecretsManager | _ParameterStore, way: Way
    ) -> None:
        self.server, self.monkeypatch, self.service, self.way = server, monkeypatch, service, way
        self.names = service.names
        self.checks_rights = service.service == "secretsmanager"
        self.own = server.client(service.service)
        self.keeps_beside = {"variable": None, "outside": None, "field": "beside"}.get(way, "beside")
        self._use([{"Effect": "Allow", "Action": "*", "Resource": "*"}])

    def _use(self, policy: list[dict[str, Any]]) -> None:
        """Have Airflow work as a new user who has this policy."""
        server = self.server
        user = server.user(policy)
        reader = server.user([{"Effect": "Allow", "Action": READ, "Resource": "*"}])
        where: dict[str, Any] = {"region_name": server.region, "endpoint_url": server.endpoint_url}
        credentials: dict[str, Any] = {**(reader if self.way == "writer" else user).boto}
        self.backend = self.service.backend(**where, **credentials)
        connection = {
            "conn_type": "aws",
            "login": user.access_key_id,
            "password": user.secret_access_key,
            "extra": where,
        }
        self.stores, self.clients = Stores(issuer=ISSUER), Clients()
        self.monkeypatch.setenv("AIRFLOW_CONN_AWS_OF_THE_TEST", json.dumps(connection))

    def open(self, name: str) -> SecretStore:
        if self.way in {"outside", "field"}:
            field = "?field=api_key" if self.way == "field" else ""
            path = f"{self.service.prefix.lstrip('/')}{quote(name)}"
            return self.stores.open(f"{self.service.scheme}://aws_of_the_test@/{path}{field}")
        kind: Any = "variable" if self.way == "variable" else "connection"
        conn_id = "aws_of_the_test" if self.way == "writer" else None
        destination = Destination.parse(str(Destination("airflow", kind, name, conn_id=conn_id)))
        return store_on(self.backend, destination, issuer=ISSUER, clients=self.clients)

    def put(self, name: str, key: str, beside: str | None = None) -> None:
        if self.way in {"outside", "variable"}:
            self._put(name, key)
        elif self.way == "field":
            self._put(name, json.dumps({"api_key": key, "note": beside}))
        else:
            extra = {"note": beside} if beside else {}
            connection = {"conn_type": "polytomic", "host": ISSUER, "password": key, "extra": extra}
            self._put(name, json.dumps(connection))

    def put_foreign(self, name: str) -> None:
        foreign = {
            "field": json.dumps({"api_key": "two words"}),
            "outside": "two words",
            "variable": "two words",
        }
        self._put(name, foreign.get(self.way, "postgres://u:warehouse-password@db/x"))

    def beside(self, name: str) -> str | None:
        content = json.loads(self._get(name) or "{}")
        kept: str | None = (content if self.way == "field" else content["extra"]).get("note")
        return kept

    def consumer(self, name: str) -> str | None:
        if self.way == "outside":
            return self._get(name)
        if self.way == "field":
            found: str | None = json.loads(self._get(name) or "{}").get("api_key")
            return found
        if self.way == "variable":
            return self.backend.get_variable(name)
        connection = self.backend.get_connection(name)
        return connection.password if connection else None

    def deny(self) -> None:
        self._use([{"Effect": "Allow", "Action": READ, "Resource": "*"}])

    def _name(self, name: str) -> str:
        if self.way in {"outside", "field"}:
            return f"{self.service.prefix}{name}"
        slash = "/" if self.service.service == "ssm" else ""
        return f"{slash}airflow/{'variables' if self.way == 'variable' else 'connections'}/{name}"

    def _put(self, name: str, text: str) -> None:
        self.service.put(self.own, self._name(name), text)

    def _get(self, name: str) -> str | None:
        return self.service.get(self.own, self._name(name))


def _case(service: _SecretsManager | _ParameterStore, way: Way) -> Make:
    return lambda request, _: AwsCase(
        request.getfixturevalue("aws_server"), request.getfixturevalue("monkeypatch"), service, way
    )


_SECRETS_MANAGER: tuple[Way, ...] = ("connection", "variable", "writer", "outside", "field")
_PARAMETER_STORE: tuple[Way, ...] = ("connection", "variable", "writer", "outside")
AWS_CASES: dict[str, Make] = {
    **{f"secretsmanager-{way}": _case(_SecretsManager(), way) for way in _SECRETS_MANAGER},
    **{f"ssm-{way}": _case(_ParameterStore(), way) for way in _PARAMETER_STORE},
}
