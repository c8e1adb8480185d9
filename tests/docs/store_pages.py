"""The servers and roles for the pages of the stores, and an Airflow that the page's own blocks configure."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import hvac

from tests.dag_runs.secrets_settings import BACKEND, KWARGS, configure_secrets
from tests.docs.exports import exported_by
from tests.docs.pages import blocks

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.docs.policies import Policy
    from tests.fakes.aws_server import AwsServer
    from tests.fakes.vault_server import VaultServer

__all__ = ["STORE_PAGES", "ParameterStorePage", "SecretsManagerPage", "StorePage", "VaultPage"]


class StorePage(Protocol):
    """A page, and a store of one test with the settings of that page."""

    page: str

    def use(self, backend: Policy, writer: Policy | None = None) -> None:
        """Set the policies of Airflow's backend and of the page's writing connection.

        :param writer: the policy of the connection; by default the backend's.
        """

    def here(self, destination: str) -> str:
        """Return a destination of the page for this server."""

    def content(self, where: str) -> Any:
        """Return the content of a path of the page, or None."""

    def put(self, where: str, content: Any) -> None:
        """Write fields as a person would, or a string on AWS."""


def _settings_on(page: str, folder: Path) -> dict[str, str]:
    """Return the variables that the blocks of a page export, in their order."""
    ours = (block for block in blocks("bash") if block.page == page)
    return {name: value for block in ours for name, value in exported_by(block, folder).items()}


class VaultPage:
    """The page on Vault, with a mount in place of ``secret``.

    :param version: the version of its engine.
    """

    page = "docs/hashicorp-vault.md"
    _MOUNT = "secret"
    _URL = "https://vault.example.com:8200"
    _WRITER = "AIRFLOW_CONN_VAULT_WRITER"

    def __init__(self, server: VaultServer, version: int, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.server, self.version, self._monkeypatch = server, version, monkeypatch
        self.mount = f"m{uuid.uuid4().hex[:12]}"
        server.mount(self.mount, version)
        settings = _settings_on(self.page, folder)
        kwargs = json.loads(settings[KWARGS])
        assert (kwargs["url"], kwargs["mount_point"]) == (self._URL, self._MOUNT)
        kwargs |= {"url": server.url, "mount_point": self.mount}
        kwargs |= {} if version == 2 else {"kv_engine_version": version}
        self._settings = {BACKEND: settings[BACKEND], KWARGS: json.dumps(kwargs)}
        self._token_file = folder / "airflow" / kwargs["token_path"].removeprefix(f"{folder}/airflow/")
        self._token_file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = json.loads(settings[self._WRITER])
        self.person = hvac.Client(url=server.url, token=server.root_token)

    def use(self, backend: Policy, writer: Policy | None = None) -> None:
        self._token_file.write_text(self._token(backend))
        address = urlsplit(self.server.url)
        extra = self._connection["extra"] | {"use_tls": False, "kv_engine_version": self.version}
        here = {"host": address.hostname, "port": address.port, "password": self._token(writer or backend)}
        self._monkeypatch.setenv(self._WRITER, json.dumps(self._connection | here | {"extra": extra}))
        configure_secrets(self._settings)

    def here(self, destination: str) -> str:
        return destination.replace(f"@{self._MOUNT}/", f"@{self.mount}/")

    def content(self, where: str) -> Any:
        found = self.person.read(self.path(where))
        if found is None or self.version == 1:
            return found and found["data"]
        return found["data"]["data"]

    def put(self, where: str, content: Any) -> None:
        self.person.write_data(self.path(where), data={"data": content} if self.version == 2 else content)

    def path(self, where: str) -> str:
        """Return the API's path for a path of the page."""
        mount, _, path = where.partition("/")
        assert mount == self._MOUNT
        return f"{self.mount}/data/{path}" if self.version == 2 else f"{self.mount}/{path}"

    def _token(self, policy: Policy) -> str:
        """Return a token with only the page's policy, without the built-in one."""
        name = f"p{uuid.uuid4().hex}"
        self.server.policy(name, policy.text.replace(f'"{self._MOUNT}/', f'"{self.mount}/') or "# nothing")
        return self.server.token([name], no_default=True)


class _AwsPage:
    """A page on AWS, with an account and a region.

    :param key: the KMS key in place of the page's; None if no policy names one.
    """

    page: str
    _service: str
    _ROLE = "airflow-writes-keys"
    _WRITER = "AIRFLOW_CONN_AWS_WRITER"
    _KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    def __init__(
        self, server: AwsServer, monkeypatch: pytest.MonkeyPatch, folder: Path, key: str | None = None
    ) -> None:
        self.server, self.key, self._monkeypatch = server, key, monkeypatch
        settings = _settings_on(self.page, folder)
        assert json.loads(settings[KWARGS])["region_name"] == server.region
        self._settings = {name: settings[name] for name in (BACKEND, KWARGS)}
        assert json.loads(settings[self._WRITER])["extra"]["role_arn"] == server.role(self._ROLE)
        monkeypatch.setenv(self._WRITER, settings[self._WRITER])
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        self.person: Any = server.client(self._service)

    def use(self, backend: Policy, writer: Policy | None = None) -> None:
        self.server.role(self._ROLE, self._here(writer or backend))
        for name, value in self.server.environment(self.server.user(self._here(backend))).items():
            self._monkeypatch.setenv(name, value)
        configure_secrets(self._settings)

    def here(self, destination: str) -> str:
        return destination

    def _here(self, policy: Policy) -> Any:
        return json.loads(json.dumps(policy.statements).replace(self._KEY, self.key or self._KEY))


class SecretsManagerPage(_AwsPage):
    """The page on AWS Secrets Manager."""

    page = "docs/aws-secrets-manager.md"
    _service = "secretsmanager"

    def put(self, where: str, content: Any) -> None:
        self.person.create_secret(Name=where, SecretString=content if isinstance(content, str) else json.dumps(content))

    def prepare(self, where: str) -> None:
        """Create a secret without a value, as a person does to select a KMS key."""
        self.person.create_secret(Name=where, KmsKeyId=self.key)

    def content(self, where: str) -> Any:
        try:
            return self.person.get_secret_value(SecretId=where)["SecretString"]
        except self.person.exceptions.ResourceNotFoundException:
            return None


class ParameterStorePage(_AwsPage):
    """The page on AWS Parameter Store."""

    page = "docs/aws-parameter-store.md"
    _service = "ssm"

    def put(self, where: str, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.person.put_parameter(Name=where, Value=text, Type="SecureString")

    def prepare(self, where: str) -> None:
        """Create a connection without a password, in the advanced tier and with its own KMS key."""
        settings = {"Type": "SecureString", "KeyId": self.key, "Tier": "Advanced"}
        self.person.put_parameter(Name=where, Value=json.dumps({"conn_type": "polytomic"}), **settings)

    def content(self, where: str) -> Any:
        try:
            return self.person.get_parameter(Name=where, WithDecryption=True)["Parameter"]["Value"]
        except self.person.exceptions.ParameterNotFound:
            return None


STORE_PAGES = {each.page: each for each in (VaultPage, SecretsManagerPage, ParameterStorePage)}
