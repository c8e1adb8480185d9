"""The same round trips by ``requests`` alone, over pooled connections."""

from __future__ import annotations

import time
import uuid
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter

from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX
from benchmarks.environment import MOUNT

__all__ = ["Plain", "Window"]

_NEVER = 2**31 - 1  # a version that no secret reaches


class Window(NamedTuple):
    """Seconds since the request for a key.

    :param stored: until the key was stored.
    :param read: until the key was read back.
    """

    stored: float
    read: float


class Plain:
    """Client of both servers that reads only what its next request needs.

    :param facts: the result of :meth:`benchmarks.environment.Servers.facts`.
    :param pool_size: the number of connections that stay open to each server.
    """

    def __init__(self, facts: dict[str, Any], pool_size: int = 1) -> None:
        self._polytomic, self._vault = facts["polytomic"], facts["vault"]
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=pool_size))
        self._partner = {"Authorization": f"Bearer {facts['partner_key']}", "X-Polytomic-Version": "2025-09-18"}
        self._token = {"X-Vault-Token": facts["vault_token"]}

    def window(self, target: list[str], name: str) -> Window:
        """Request a key, confirm its owner, store it and read it back; the version is read before."""
        version = self._version(f"connections/{name}")
        started = time.monotonic()
        key = self._issue(target)
        self._confirm(key)
        self._write(f"connections/{name}", self._connection(key), version)
        stored = time.monotonic()
        self._read(f"connections/{name}")
        return Window(stored - started, time.monotonic() - started)

    def rotate(self, target: list[str], name: str) -> None:
        """Send the ten requests of a rotation, in their order."""
        secret, record = f"connections/{name}", f"connections/{name}{RECORD_SUFFIX}"
        version, recorded = self._version(secret), self._version(record)
        self._send("PUT", secret, {"options": {"cas": _NEVER}, "data": {}}, expected=400)
        fields = {"state": "open", "org_id": target[0], "user_id": target[1], "issuance_id": str(uuid.uuid4())}
        recorded = self._write(record, fields, recorded)
        key = self._issue(target)
        self._confirm(key)
        self._write(secret, self._connection(key), version)
        self._confirm(self._read(secret)["password"])
        self._write(record, fields | {"state": "done"}, recorded)

    def _issue(self, target: list[str]) -> str:
        url = f"{self._polytomic}/api/organizations/{target[0]}/users/{target[1]}/keys"
        headers = self._partner | {"Idempotency-Key": str(uuid.uuid4())}
        response = self._session.post(url, params={"force": "true"}, headers=headers, timeout=60)
        response.raise_for_status()
        return str(response.json()["data"]["value"])

    def _confirm(self, key: str) -> None:
        headers = self._partner | {"Authorization": f"Bearer {key}"}
        self._session.get(f"{self._polytomic}/api/me", headers=headers, timeout=60).raise_for_status()

    def _connection(self, key: str) -> dict[str, str]:
        return {"conn_type": "polytomic", "host": self._polytomic, "password": key}

    def _version(self, path: str) -> int:
        response = self._send("GET", path)
        return 0 if response.status_code == requests.codes.not_found else response.json()["data"]["metadata"]["version"]

    def _read(self, path: str) -> dict[str, str]:
        return dict(self._send("GET", path).json()["data"]["data"])

    def _write(self, path: str, data: dict[str, str], version: int) -> int:
        response = self._send("PUT", path, {"options": {"cas": version}, "data": data})
        response.raise_for_status()
        return int(response.json()["data"]["version"])

    def _send(self, method: str, path: str, body: Any = None, expected: int | None = None) -> requests.Response:
        url = f"{self._vault}/v1/{MOUNT}/data/{path}"
        response = self._session.request(method, url, json=body, headers=self._token, timeout=60)
        if expected and response.status_code != expected:
            raise RuntimeError(f"{method} {path}: {response.status_code}, not {expected}")
        return response
