"""Who calls the fake Vault, and what they may do: tokens, users with passwords, and policies."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.vault_fake_kv import RefusalError, Reply, enveloped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DENIED", "Access", "Acl", "PolicyError", "Token"]

# Vault words a good token that may not, and a token that is missing, unknown or revoked, differently.
DENIED = "1 error occurred:\n\t* permission denied\n\n"
_BAD_TOKEN = "permission denied"

CAPABILITIES = frozenset({"create", "read", "update", "delete", "list", "deny"})
# The lines of the built-in policy that lead to something that the fake has.
_DEFAULT = {"auth/token/lookup-self": frozenset({"read"}), "sys/capabilities-self": frozenset({"update"})}

_COMMENT = re.compile(r"^\s*#[^\n]*", re.MULTILINE)
_BLOCK = re.compile(r'path\s+"([^"]*)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}')

Rules = dict[str, frozenset[str]]


class PolicyError(ValueError):
    """The text is no policy, or has more in it than the fake understands."""


def parse_policy(text: str) -> Rules:
    """Read a policy: for each path, which may end in a star, what is allowed.

    :raises PolicyError: for what Vault refuses, and for what this fake does not know: JSON, parameters, ``+``.
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
    """All that one token may do.

    :param policies: None for everything. What they say about the very same path adds up; a denial ends it.
    """

    def __init__(self, policies: Iterable[Rules] | None) -> None:
        self._root = policies is None
        self._rules: Rules = {}
        for rules in policies or ():
            for path, capabilities in rules.items():
                self._rules[path] = self._rules.get(path, frozenset()) | capabilities

    def capabilities(self, path: str) -> frozenset[str]:
        """Return what may be done at a path, which begins with its namespace; ``{"root"}`` for everything.

        The path itself comes before the longest beginning of it. A path that is listed ends in a slash, which a rule
        may leave out.
        """
        if self._root:
            return frozenset({"root"})
        for exact in (path, path.removesuffix("/")):
            if exact in self._rules and not exact.endswith("*"):
                return self._given(exact)
        starred = [rule for rule in self._rules if rule.endswith("*") and path.startswith(rule[:-1])]
        return self._given(max(starred, key=len)) if starred else frozenset()

    def allows(self, operation: str, path: str) -> bool:
        """Whether an operation may be done at a path."""
        return not {operation, "root"}.isdisjoint(self.capabilities(path))

    def reaches_into(self, mount: str) -> bool:
        """Whether anything at or below a mount is allowed; the mount ends in a slash."""
        below = any(rule.startswith(mount) and self._given(rule) for rule in self._rules)
        return below or bool(self.capabilities(mount))

    def _given(self, rule: str) -> frozenset[str]:
        given = self._rules[rule]
        return frozenset() if "deny" in given else given


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is accepted.

    :param name: what the list of requests calls it: ``root``, ``token-1`` ...; the token itself is a secret.
    """

    name: str
    value: str = field(repr=False)
    policies: tuple[str, ...]

    def described(self) -> dict[str, Any]:
        """Return what a look-up of the token says."""
        return {"accessor": self.name, "id": self.value, "policies": list(self.policies), "type": "service"}


class Access:
    """Every token, user and policy of the server. They are in the root namespace; paths lead into others."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._policies: dict[str, Rules] = {"default": _DEFAULT}
        self._users: dict[str, tuple[str, list[str]]] = {}
        self.root = Token("root", f"s.{secrets.token_hex(12)}", ("root",))
        self._tokens[self.root.value] = self.root

    def set_policy(self, name: str, text: str) -> None:
        """Write a policy; tokens that have it are bound by it from now on.

        :raises PolicyError: if it is not one.
        """
        self._policies[name] = parse_policy(text)

    def set_user(self, name: str, password: str, policies: Iterable[str]) -> None:
        """Let somebody log in at ``auth/userpass``."""
        self._users[name] = password, list(policies)

    def issue(self, policies: Iterable[str], *, default: bool = True) -> Token:
        """Make a token."""
        names = {*policies, "default"} if default else set(policies)
        token = Token(f"token-{secrets.token_hex(4)}", f"s.{secrets.token_hex(12)}", tuple(sorted(names)))
        self._tokens[token.value] = token
        return token

    def revoke(self, value: str) -> None:
        """Have a token refused from now on."""
        self._tokens.pop(value, None)

    def accepted(self, value: str) -> Token:
        """Return a token.

        :raises RefusalError: 403 if there is none such.
        """
        if value not in self._tokens:
            raise RefusalError(403, _BAD_TOKEN)
        return self._tokens[value]

    def acl(self, token: Token) -> Acl:
        """Return what a token may do, by its policies as they are now."""
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
        return enveloped(None, auth=auth)
