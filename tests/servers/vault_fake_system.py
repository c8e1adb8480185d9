"""What does the fake Vault say about itself and its tokens? The paths below ``sys/`` and ``auth/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.vault_fake_replies import DONE, RefusalError, Reply, enveloped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.vault_fake_core import Core, Request
    from tests.servers.vault_fake_tokens import Token

__all__ = ["SystemPaths"]

_MOUNTS = "sys/internal/ui/mounts/"
_LOGIN = "auth/userpass/login/"
# These go to the token's own namespace, whichever the request names (vault/request_handling.go).
_ABOUT_ITSELF = {"auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self"}


class SystemPaths:
    """The part of the server that is not a secrets engine."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def is_about_itself(self, path: str) -> bool:
        """Whether the namespace of the token counts, and not that of the request."""
        return path in _ABOUT_ITSELF

    def health(self, namespace: str) -> Reply:
        """Answer ``sys/health``, which needs no token and is there even when sealed."""
        if namespace:
            raise RefusalError(400, "operation unavailable in namespaces")
        sealed = self._core.sealed
        return Reply(503 if sealed else 200, {"initialized": True, "sealed": sealed, "standby": sealed})

    def without_policy(self, operation: str, namespace: str, path: str, request: Request) -> Reply | None:
        """Answer what no policy is asked about, or return None."""
        if path.startswith(_LOGIN) and self._core.tokens.has_users(namespace):
            if operation != "update":
                raise RefusalError(405, "unsupported operation")
            return self._core.tokens.login(path.removeprefix(_LOGIN), request.body.get("password"), namespace)
        if path.startswith(_MOUNTS):
            if operation != "read":
                raise RefusalError(405, "unsupported operation")
            return self._mount(namespace, path.removeprefix(_MOUNTS), request.token)
        return None

    def with_policy(
        self, operation: str, namespace: str, path: str, token: Token, body: Mapping[str, Any]
    ) -> Reply | None:
        """Answer what a policy has allowed, or return None if the path is not one of these."""
        match operation, path:
            case "update", "sys/capabilities-self":
                return self._capabilities(namespace, token, body)
            case "read" | "update", "auth/token/lookup-self":
                return enveloped(token.described())
            case "update", "auth/token/renew-self":
                return enveloped(None, auth=token.issued())
            case "update", "auth/token/revoke-self":
                self._core.tokens.revoke(token.value)
                return DONE
            case _, "sys/capabilities-self":
                raise RefusalError(405, "1 error occurred:\n\t* unsupported operation\n\n")
        if path.startswith(("sys/", "auth/token/")):
            # Rather no answer than a wrong one.
            raise RefusalError(501, f"the fake Vault has no {operation} of {path}")
        return None

    def _mount(self, namespace: str, path: str, token: str) -> Reply:
        acl = self._core.tokens.acl(self._core.tokens.accepted(token))
        found = self._core.mount_of(namespace, path.rstrip("/"))
        if found is None or not acl.reaches_into(namespace + found[0]):
            sanitized = path.strip("/") + "/"
            advice = f'please ensure client\'s policies grant access to path "{sanitized}"'
            raise RefusalError(403, f"preflight capability check returned 403, {advice}")
        mount, engine = found
        return enveloped({"path": mount, "type": "kv", "options": {"version": engine.version}, "description": ""})

    def _capabilities(self, namespace: str, token: Token, body: Mapping[str, Any]) -> Reply:
        asked = body.get("paths") or body.get("path") or []
        paths = [asked] if isinstance(asked, str) else list(asked)
        if not paths:
            raise RefusalError(400, "paths must be supplied")
        acl = self._core.tokens.acl(token)
        answers: dict[str, Any] = {
            path: sorted(acl.capabilities(namespace + path, listing=True)) or ["deny"] for path in paths
        }
        if len(paths) == 1:
            answers["capabilities"] = answers[paths[0]]
        reply = enveloped(answers)
        return Reply(200, {**answers, **(reply.body or {})})
