"""What does the fake Vault do with a request? Namespace, token, policy, mount, in Vault's order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.vault_fake_replies import RefusalError, Reply, denied
from tests.servers.vault_fake_system import SystemPaths
from tests.servers.vault_fake_tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.vault_fake_kv import Engine

__all__ = ["Core", "Request"]

# HashiCorp Vault and OpenBao answer these by method alone; every other method is a 405.
_OPERATIONS = {"GET": "read", "LIST": "list", "POST": "update", "PUT": "update", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    :param path: below ``/v1/``, decoded.
    :param namespace: from the header; the path may go on into further ones.
    """

    method: str
    path: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)


class Core:
    """The server, without HTTP. Namespaces and mounts are written with their slash; the root namespace is empty."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.namespaces = {""}
        self.mounts: dict[tuple[str, str], Engine] = {}
        self.sealed = False
        self._system = SystemPaths(self)

    def handle(self, request: Request) -> Reply:
        """Answer."""
        try:
            return self._handle(request)
        except RefusalError as refusal:
            return refusal.reply

    def place(self, request: Request) -> tuple[str, str]:
        """Return the namespace that header and path name together, and the rest of the path.

        :raises RefusalError: 404 if the header's namespace is none.
        """
        namespace, path = _slashed(request.namespace), request.path
        if namespace not in self.namespaces:
            raise RefusalError(404, "namespace not found")
        while "/" in path and namespace + path.partition("/")[0] + "/" in self.namespaces:
            inner, _, path = path.partition("/")
            namespace += inner + "/"
        return namespace, path

    def mount_of(self, namespace: str, path: str) -> tuple[str, Engine] | None:
        """Return the mount that a path is in, and its engine."""
        for (where, mount), engine in self.mounts.items():
            if where == namespace and f"{path}/".startswith(mount):
                return mount, engine
        return None

    def _handle(self, request: Request) -> Reply:
        if request.path == "sys/health":
            return self._system.health(_slashed(request.namespace))
        if self.sealed:
            raise RefusalError(503, "Vault is sealed")
        namespace, path = self.place(request)
        operation = _operation(request)
        if operation == "list" and not path.endswith("/"):
            path += "/"
        if (reply := self._system.without_policy(operation, namespace, path, request)) is not None:
            return reply
        return self._with_policy(operation, namespace, path, request)

    def _with_policy(self, operation: str, namespace: str, path: str, request: Request) -> Reply:
        token = self.tokens.accepted(request.token)
        if operation == "update" and path.endswith("/"):
            raise RefusalError(400, "cannot write to a path ending in '/'")
        if self._system.is_about_itself(path):
            namespace = token.namespace
        found = self.mount_of(namespace, path)
        mount, engine = found or ("", None)
        relative = path.removeprefix(mount) if path != mount.rstrip("/") else ""
        if operation == "update" and engine is not None and not engine.exists(relative):
            operation = "create"
        if not self.tokens.acl(token).allows(operation, namespace + path):
            raise denied(by_policy=True)
        if (reply := self._system.with_policy(operation, namespace, path, token, request.body)) is not None:
            return reply
        if engine is None:
            raise no_route(path)
        inner = relative.removesuffix("/") if operation == "list" else relative
        return engine.handle(operation, inner, request.body, request.query)


def no_route(path: str) -> RefusalError:
    """Return the 404 for a path at which nothing is mounted."""
    return RefusalError(404, f'no handler for route "{path}". route entry not found.')


def _operation(request: Request) -> str:
    if request.method not in _OPERATIONS:
        raise RefusalError(405)
    if request.method == "GET" and request.query.get("list") == "true":
        return "list"
    return _OPERATIONS[request.method]


def _slashed(namespace: str) -> str:
    bare = namespace.strip("/")
    return f"{bare}/" if bare else ""
