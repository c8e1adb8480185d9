"""How do the fake's KV version 1 mounts answer, and what is a secrets engine to the rest of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tests.servers.vault_fake_replies import DEFAULT_LEASE_SECONDS, DONE, RefusalError, Reply, enveloped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Engine", "KvV1", "listed"]


class Engine(Protocol):
    """A secrets engine at its mount. Paths are relative to the mount."""

    version: str

    def exists(self, path: str) -> bool:
        """Whether a write to this path would be an update, and not a creation."""

    def handle(self, operation: str, path: str, body: Mapping[str, Any], query: Mapping[str, str]) -> Reply:
        """Answer a request that the policies allow."""


class KvV1:
    """A mount of version 1: a dictionary a path, and no more."""

    version = "1"

    def __init__(self) -> None:
        self._secrets: dict[str, Mapping[str, Any]] = {}

    def exists(self, path: str) -> bool:
        """Whether there is a secret."""
        return path in self._secrets

    def handle(self, operation: str, path: str, body: Mapping[str, Any], query: Mapping[str, str]) -> Reply:
        """Answer a request that the policies allow."""
        match operation:
            case "read" if path in self._secrets:
                return enveloped(self._secrets[path], lease=DEFAULT_LEASE_SECONDS)
            case "read":
                raise RefusalError(404)
            case "create" | "update":
                return self._write(path, body)
            case "delete":
                self._secrets.pop(path, None)
                return DONE
            case "list":
                return listed(self._secrets, path)
            case _:
                raise RefusalError(405, "1 error occurred:\n\t* unsupported operation\n\n")

    def _write(self, path: str, body: Mapping[str, Any]) -> Reply:
        if not body:
            raise RefusalError(400, "missing data fields")
        self._secrets[path] = dict(body)
        return DONE


def listed(paths: Iterable[str], folder: str) -> Reply:
    """Return the names in a folder, of secrets as they are, of folders with a slash."""
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    below = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    names = sorted({f"{name.partition('/')[0]}/" if "/" in name else name for name in below})
    if not names:
        raise RefusalError(404)
    return enveloped({"keys": names})
