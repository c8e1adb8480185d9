"""Vault or OpenBao with a mount for Airflow, and tokens and a user for the mount."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import TYPE_CHECKING, Any

import requests

from tests.dag_runs.secrets_settings import BACKEND, KWARGS
from tools.airflow_sandbox.environment import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.dag_runs.servers import Rights
    from tests.fakes.vault_server import VaultServer

__all__ = ["VaultSite"]

_CAPABILITIES: Mapping[Rights, list[str]] = {
    "none": ["deny"],
    "read": ["read"],
    "write": ["create", "read", "update"],
}


class VaultSite:
    """One mount of a KV engine of version 1 or 2; backends have a token, and the connection logs in as a user.

    ``outside`` is a destination outside Airflow, one field of a secret, with ``{conn_id}`` and ``{name}`` as
    placeholders; ``beside`` is another field of such a secret, or None if the secret is only the key; ``secrets`` are
    the credentials of the site, which may appear only in the settings.
    """

    beside: str | None = "owner"

    def __init__(self, server: VaultServer, version: int) -> None:
        self.mount = f"kv-{uuid.uuid4().hex[:8]}"
        self.outside = f"vault://{{conn_id}}@{self.mount}/outside/{{name}}?field=api_key"
        self.secrets: list[str] = [server.root_token]
        self._server, self._version = server, version
        self._http = requests.Session()
        self._http.headers["X-Vault-Token"] = server.root_token
        server.mount(self.mount, version)
        for rights in _CAPABILITIES:
            self._grant(rights, rights)

    def settings(self, rights: Rights = "write", *, down: bool = False, **kwargs: Any) -> dict[str, str]:
        """Return the settings of Airflow.

        :param rights: rights of the backend.
        :param down: whether the server is down.
        :param kwargs: more arguments of the backend.
        """
        url = f"http://127.0.0.1:{free_port()}" if down else self._server.url
        token = self._server.token([f"{self.mount}-{rights}"])
        self.secrets.append(token)
        given = {"url": url, "token": token, "mount_point": self.mount, "kv_engine_version": self._version}
        return {
            BACKEND: "airflow.providers.hashicorp.secrets.vault.VaultBackend",
            KWARGS: json.dumps(given | kwargs),
        }

    def connection(self) -> str:
        """Return an Airflow connection with the right to write, as JSON."""
        user, password = f"{self.mount}-writer", secrets.token_urlsafe(24)
        self._server.userpass(user, password, [f"{self.mount}-write"])
        self.secrets.append(password)
        host, _, port = self._server.url.removeprefix("http://").partition(":")
        server = {"conn_type": "vault", "host": host, "port": int(port)}
        extra = {"auth_type": "userpass", "kv_engine_version": self._version}
        return json.dumps({**server, "login": user, "password": password, "extra": extra})

    def put(self, name: str, fields: Mapping[str, Any]) -> None:
        self._put(f"connections/{name}", fields)

    def fields(self, name: str) -> Mapping[str, Any]:
        return self._get(f"connections/{name}")

    def variable(self, name: str) -> str | None:
        return self._get(f"variables/{name}").get("value")

    def put_outside(self, name: str, key: str, beside: str) -> None:
        self._put(f"outside/{name}", {"api_key": key, "owner": beside})

    def held_outside(self, name: str) -> tuple[str | None, str | None]:
        found = self._get(f"outside/{name}")
        return found.get("api_key"), found.get("owner")

    def deny(self) -> None:
        """Remove the writers' right to replace values that people have stored."""
        self._grant("write", "read")

    def _grant(self, policy: str, rights: Rights) -> None:
        allowed = json.dumps(_CAPABILITIES[rights])
        self._server.policy(f"{self.mount}-{policy}", f'path "{self._path("*")}" {{ capabilities = {allowed} }}')

    def _path(self, name: str) -> str:
        return f"{self.mount}/data/{name}" if self._version == 2 else f"{self.mount}/{name}"

    def _put(self, name: str, content: Mapping[str, Any]) -> None:
        self._ask("POST", name, {"data": content} if self._version == 2 else content).raise_for_status()

    def _get(self, name: str) -> Mapping[str, Any]:
        answer = self._ask("GET", name)
        if answer.status_code == 404:
            return {}
        answer.raise_for_status()
        data: Mapping[str, Any] = answer.json()["data"]
        return data["data"] if self._version == 2 else data

    def _ask(self, method: str, name: str, body: Any = None) -> requests.Response:
        return self._http.request(method, f"{self._server.url}/v1/{self._path(name)}", json=body, timeout=30)
