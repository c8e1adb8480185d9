"""Request handling of the fake Vault: HTTP, namespace, token, policy and mount, in Vault's order."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from tests.fakes.vault_fake_access import DENIED, Access
from tests.fakes.vault_fake_kv import RefusalError, Reply, wrap_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from tests.fakes.vault_fake_access import Token
    from tests.fakes.vault_fake_kv import Engine

__all__ = ["Core", "Request", "hang_up", "parse_request", "send_reply"]

# HashiCorp Vault and OpenBao map these methods to operations; every other method is a 405.
_OPERATIONS = {"GET": "read", "LIST": "list", "POST": "update", "PUT": "update", "DELETE": "delete"}
_MOUNTS = "sys/internal/ui/mounts/"
_LOGIN = "auth/userpass/login/"


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    :param path: below ``/v1/``, decoded.
    :param namespace: from the header, with its slash, or empty.
    :param body: None if it is not a JSON object.
    """

    method: str
    path: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    body: Mapping[str, Any] | None = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)


class Core:
    """The server without HTTP. The name of a mount includes its namespace and its slash."""

    def __init__(self) -> None:
        self.access = Access()
        self.namespaces = {""}
        self.mounts: dict[str, Engine] = {}

    def handle(self, request: Request) -> Reply:
        """Return the answer to a request."""
        try:
            return self._handle(request)
        except RefusalError as refusal:
            return refusal.reply

    def _handle(self, request: Request) -> Reply:
        if request.body is None:
            raise RefusalError(400, "failed to decode JSON input: json: cannot unmarshal into a map")
        if request.namespace not in self.namespaces:
            raise RefusalError(404, "namespace not found")
        if (operation := _OPERATIONS.get(request.method)) is None:
            raise RefusalError(405)
        path = f"{request.path.rstrip('/')}/" if operation == "list" else request.path
        # These two need no policy.
        if path.startswith(_LOGIN) and operation == "update":
            return self.access.login(path.removeprefix(_LOGIN), request.body)
        token = self.access.get_token(request.token)
        if path.startswith(_MOUNTS) and operation == "read":
            return self._mount(token, request.namespace, path.removeprefix(_MOUNTS))
        return self._with_policy(token, operation, path, request)

    def _with_policy(self, token: Token, operation: str, path: str, request: Request) -> Reply:
        full = request.namespace + path
        mount, engine = self._find_mount(full)
        relative = full.removeprefix(mount)
        is_new = operation == "update" and engine is not None and not engine.exists(relative)
        needed = "create" if is_new else operation
        if not self.access.acl(token).allows(needed, full):
            raise RefusalError(403, DENIED)
        match operation, path:
            case "update", "sys/capabilities-self":
                return self._capabilities(token, request)
            case "read", "auth/token/lookup-self":
                return wrap_data(token.describe())
        if path.startswith(("sys/", "auth/")):
            # An unknown path is an error: a wrong answer would hide it.
            raise RefusalError(501, f"the fake Vault has no {operation} of {path}")
        if engine is None:
            raise RefusalError(404, f'no handler for route "{path}". route entry not found.')
        return engine.handle(operation, relative.removesuffix("/"), request.body or {}, request.query)

    def _find_mount(self, path: str) -> tuple[str, Engine | None]:
        return next(((m, engine) for m, engine in self.mounts.items() if f"{path}/".startswith(m)), ("", None))

    def _mount(self, token: Token, namespace: str, path: str) -> Reply:
        mount, engine = self._find_mount(namespace + path)
        if engine is None or not self.access.acl(token).reaches_into(mount):
            advice = f'please ensure client\'s policies grant access to path "{path.strip("/")}/"'
            raise RefusalError(403, f"preflight capability check returned 403, {advice}")
        shown = mount.removeprefix(namespace)
        return wrap_data({"path": shown, "type": "kv", "options": {"version": engine.version}, "description": ""})

    def _capabilities(self, token: Token, request: Request) -> Reply:
        asked = (request.body or {}).get("paths") or []
        if not asked:
            raise RefusalError(400, "paths must be supplied")
        acl = self.access.acl(token)
        answers = {path: sorted(acl.capabilities(request.namespace + path)) or ["deny"] for path in asked}
        return Reply(200, {**answers, **(wrap_data(answers).body or {})})


async def parse_request(scope: Scope, receive: Receive) -> Request:
    """Read an HTTP request."""
    http = HttpRequest(scope, receive)
    raw = await http.body()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        body = None
    path = unquote(http.scope["raw_path"].decode()).removeprefix("/v1/")
    namespace = http.headers.get("x-vault-namespace", "").strip("/")
    return Request(
        http.method,
        path,
        f"{namespace}/" if namespace else "",
        http.headers.get("x-vault-token", ""),
        body if isinstance(body, dict) else None,
        dict(http.query_params),
    )


async def send_reply(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer over HTTP."""
    content = b"" if reply.body is None else json.dumps(reply.body).encode()
    await Response(content, reply.status, {"Content-Type": "application/json"})(scope, receive, send)


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer."""
    transport = scope["state"]["transport"]
    # close() alone would leave the connection open in a forked child of this process that inherited it.
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    transport.close()
    # uvicorn logs an error if an application returns before it has received the disconnect.
    while (await receive())["type"] != "http.disconnect":
        pass
