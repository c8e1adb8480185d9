"""What does a Vault answer, in the terms that clients decide on? Status, errors, warnings, data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hvac
from hvac.adapters import RawAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.vault_server import VaultServer

__all__ = ["Answer", "Caller", "policy_line"]


@dataclass(frozen=True)
class Answer:
    """One answer, whatever its status.

    :param document: the whole body; empty for none.
    """

    status: int
    document: Mapping[str, Any]

    @property
    def errors(self) -> list[str]:
        """The errors, or nothing."""
        return list(self.document.get("errors") or [])

    @property
    def data(self) -> Any:
        """The data, or None."""
        return self.document.get("data")

    @property
    def warning(self) -> str:
        """The warnings, in one line."""
        return " ".join(self.document.get("warnings") or [])


class Caller:
    """A client with one token, as plain as can be."""

    def __init__(self, server: VaultServer, token: str | None = None, namespace: str | None = None) -> None:
        self.token = server.root_token if token is None else token
        self.client = hvac.Client(url=server.url, token=self.token, namespace=namespace, adapter=RawAdapter)

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Answer:
        """Send a request."""
        response = self.client.adapter.request(
            method.lower(), f"/v1/{path}", json=body, params=params, raise_exception=False
        )
        return Answer(response.status_code, response.json() if response.content else {})

    def read(self, path: str, **params: Any) -> Answer:
        """GET."""
        return self.ask("get", path, **params)

    def write(self, path: str, body: Any = None) -> Answer:
        """POST."""
        return self.ask("post", path, body)

    def put(self, path: str, data: Mapping[str, Any], cas: int | None = None) -> Answer:
        """Write a secret of KV version 2.

        :param path: with ``data/`` in it.
        """
        return self.write(path, {"data": data} | ({} if cas is None else {"options": {"cas": cas}}))

    def list(self, path: str) -> Answer:
        """LIST."""
        return self.ask("list", path)

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.ask("delete", path)


def policy_line(path: str, *capabilities: str) -> str:
    """Return one line of a policy."""
    quoted = ", ".join(f'"{capability}"' for capability in capabilities)
    return f'path "{path}" {{ capabilities = [{quoted}] }}\n'
