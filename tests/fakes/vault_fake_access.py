"""Callers of the fake Vault and their rights: tokens, users with passwords, and policies."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.vault_fake_kv import RefusalError, Reply, wrap_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DENIED", "Access", "Acl", "PolicyError", "Token"]

# Vault has different messages for a valid token without the right, and for a missing, unknown or revoked token.
DENIED = "1 error occurred:\n\t* permission denied\n\n"
_BAD_TOKEN = "permission denied"

CAPABILITIES = frozenset({"create", "read", "update", "delete", "list", "deny"})
# The lines of the built-in policy for paths that the fake has.
_DEFAULT = {"auth/token/lookup-self": frozenset({"read"}), "sys/capabilities-self": frozenset({"update"})}

_COMMENT = re.compile(r"^\s*#[^\n]*", re.MULTILINE)
_BLOCK = re.compile(r'path\s+"([^"]*)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}')

Rules = dict[str, frozenset[str]]


class PolicyError(ValueError):
    """The text is not a policy, or the fake does not support all of it."""


def parse_policy(text: str) -> Rules:
    """Return the capabilities of a policy by path, which may end in a star.

    :raises PolicyError: if Vault refuses it, or this fake does not support it: JSON, parameters, ``+``.
    """
    if not text.strip():
        raise PolicyError("'policy' parameter not supplied or empty")
    bare = _COMMENT.sub("", text)
    if rest := _BLOCK.sub("", bare).strip():
        raise PolicyError(f"failed to parse policy: {rest.split(maxsplit=1)[0]!r} is not known here")
    rules: Rules = {}
    for path, names in _BLOCK.findall(bare):
        capabilities = frozenset(re.findall(r'"([^"]*)"', names))
        if unknown := sorted(capabilities - CAPABILITIES):
            raise PolicyError(f'failed to parse policy: path "{path}": invalid capability "{unknown[0]}"')
        if "+" in path.split("/"):
            raise PolicyError(f'failed to parse policy: path "{path}": + is not known here')
        rules[path] = rules.get(path, frozenset()) | capabilities
    return rules


class Acl:
    """The rights of one token.

    :param policies: None for all rights. Capabilities for the same path add up; a denial overrides them.
    """

    def __init__(self, policies: Iterable[Rules] | None) -> None:
        self._root = policies is None
        self._rules: Rules = {}
        for rules in policies or ():
            for path, capabilities in rules.items():
                self._rules[path] = self._rules.get(path, frozenset()) | capabilities

    def capabilities(self, path: str) -> frozenset[str]:
        """Return the capabilities at a path, which begins with its namespace; ``{"root"}`` for all of them.

        An exact rule comes before the one with the longest prefix. A path that is listed ends in a slash, which a rule
        may omit.
        """
        if self._root:
            return frozenset({"root"})
        for exact in (path, path.removesuffix("/")):
            if exact in self._rules and not exact.endswith("*"):
                return self._given(exact)
        starred = [rule for rule in self._rules if rule.endswith("*") and path.startswith(rule[:-1])]
        return self._given(max(starred, key=len)) if starred else frozenset()

    def allows(self, operation: str, path: str) -> bool:
        """Whether an operation is allowed at a path."""
        return not {operation, "root"}.isdisjoint(self.capabilities(path))

    def reaches_into(self, mount: str) -> bool:
        """Whether any operation at or below a mount is allowed; the mount ends in a slash."""
        below = any(rule.startswith(mount) and self._given(rule) for rule in self._rules)
        return below or bool(self.capabilities(mount))

    def _given(self, rule: str) -> frozenset[str]:
        given = self._rules[rule]
        return frozenset() if "deny" in given else given


@dataclass(frozen=True, slots=True)
class Token:
    """A valid token.

    :param name: in the list of requests: ``root``, ``token-1`` ...; the token itself is a secret.
    """

    name: str
    value: str = field(repr=False)
    policies: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Return the answer to a look-up of the token."""
        return {"accessor": self.name, "id": self.value, "policies": list(self.policies), "type": "service"}


class Access:
    """All tokens, users and policies of the server, in the root namespace; their paths may lead into others."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._policies: dict[str, Rules] = {"default": _DEFAULT}
        self._users: dict[str, tuple[str, list[str]]] = {}
        self.root = Token("root", f"s.{secrets.token_hex(12)}", ("root",))
        self._tokens[self.root.value] = self.root

    def set_policy(self, name: str, text: str) -> None:
        """Write a policy, which applies at once to the tokens that have it.

        :raises PolicyError: if it is not a policy.
        """
        self._policies[name] = parse_policy(text)

    def set_user(self, name: str, password: str, policies: Iterable[str]) -> None:
        """Create a user of ``auth/userpass``."""
        self._users[name] = password, list(policies)

    def issue(self, policies: Iterable[str], *, default: bool = True) -> Token:
        """Create a token."""
        names = {*policies, "default"} if default else set(policies)
        token = Token(f"token-{secrets.token_hex(4)}", f"s.{secrets.token_hex(12)}", tuple(sorted(names)))
        self._tokens[token.value] = token
        return token

    def revoke(self, value: str) -> None:
        """Revoke a token."""
        self._tokens.pop(value, None)

    def get_token(self, value: str) -> Token:
        """Return a token.

        :raises RefusalError: 403 if the token is unknown.
        """
        if value not in self._tokens:
            raise RefusalError(403, _BAD_TOKEN)
        return self._tokens[value]

    def acl(self, token: Token) -> Acl:
        """Return the rights of a token by the present policies."""
        if token is self.root:
            return Acl(None)
        return Acl(self._policies.get(name, {}) for name in token.policies)

    def login(self, user: str, body: Mapping[str, Any]) -> Reply:
        """Answer ``auth/userpass/login``."""
        if "password" not in body:
            raise RefusalError(500, "missing password")
        expected, policies = self._users.get(user, (None, []))
        if body["password"] != expected:
            raise RefusalError(400, "invalid username or password")
        token = self.issue(policies)
        auth = {"client_token": token.value, "policies": list(token.policies), "token_policies": list(token.policies)}
        return wrap_data(None, auth=auth)
