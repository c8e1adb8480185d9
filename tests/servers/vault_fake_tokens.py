"""Who is calling the fake Vault? Tokens, users with passwords, and policies, each in one namespace."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.vault_fake_policies import DEFAULT_POLICY, Acl, Rule, parse_policy
from tests.servers.vault_fake_replies import DEFAULT_LEASE_SECONDS, RefusalError, Reply, denied, enveloped

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Token", "Tokens"]


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is accepted.

    :param name: what logs call it; the token itself is a secret.
    :param namespace: with its slash, or empty.
    """

    name: str
    value: str = field(repr=False)
    policies: tuple[str, ...]
    namespace: str

    def described(self) -> dict[str, Any]:
        """Return what a look-up of the token says."""
        inside = {"namespace_path": self.namespace} if self.namespace else {}
        life = 0 if self.policies == ("root",) else DEFAULT_LEASE_SECONDS
        own = {"accessor": self.name, "id": self.value, "policies": list(self.policies), "ttl": life}
        return {**own, **inside, "display_name": "token", "renewable": bool(life), "type": "service"}

    def issued(self) -> dict[str, Any]:
        """Return what a login or renewal says of it."""
        policies = list(self.policies)
        auth = {"client_token": self.value, "accessor": self.name, "policies": policies, "token_policies": policies}
        return {**auth, "lease_duration": DEFAULT_LEASE_SECONDS, "renewable": True, "token_type": "service"}


class Tokens:
    """Every token, user and policy of the server."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._policies: dict[tuple[str, str], list[Rule]] = {}
        self._users: dict[tuple[str, str], tuple[str, list[str]]] = {}
        self.root = self.issue(["root"], "", default=False)

    def set_policy(self, name: str, text: str, namespace: str) -> None:
        """Write a policy; tokens that have it are bound by it from now on.

        :raises PolicyError: if it is not one.
        """
        self._policies[namespace, name] = parse_policy(text, namespace)

    def set_user(self, name: str, password: str, policies: Iterable[str], namespace: str) -> None:
        """Let somebody log in at ``auth/userpass``."""
        self._users[namespace, name] = password, list(policies)

    def issue(self, policies: Iterable[str], namespace: str, *, default: bool = True) -> Token:
        """Make a token."""
        names = {*policies, "default"} if default else set(policies)
        inside = "." + namespace.rstrip("/").replace("/", "-") if namespace else ""
        value = f"s.{secrets.token_hex(12)}{inside}"
        token = Token(f"token-{len(self._tokens)}", value, tuple(sorted(names)), namespace)
        if token.policies == ("root",):
            token = Token("root", value, token.policies, namespace)
        self._tokens[value] = token
        return token

    def revoke(self, value: str) -> None:
        """Have a token refused from now on; one that is not known is no error."""
        self._tokens.pop(value, None)

    def named(self, value: str) -> str:
        """Return what logs call a token: empty for none, ``unknown`` for one that is not accepted."""
        token = self._tokens.get(value)
        return token.name if token else "unknown" if value else ""

    def accepted(self, value: str) -> Token:
        """Return a token.

        :raises RefusalError: 403 if there is none such.
        """
        if value not in self._tokens:
            raise denied(by_policy=False)
        return self._tokens[value]

    def acl(self, token: Token) -> Acl:
        """Return what a token may do, by its policies as they are now."""
        if token.policies == ("root",):
            return Acl([], root=token.namespace)
        default = parse_policy(DEFAULT_POLICY, token.namespace)
        rules = {**self._policies, (token.namespace, "default"): default}
        return Acl([rule for name in token.policies for rule in rules.get((token.namespace, name), [])])

    def login(self, user: str, password: object, namespace: str) -> Reply:
        """Answer ``auth/userpass/login``."""
        if password is None:
            raise RefusalError(500, "missing password")
        expected, policies = self._users.get((namespace, user), (None, []))
        if password != expected:
            raise RefusalError(400, "invalid username or password")
        return enveloped(None, auth=self.issue(policies, namespace).issued())

    def has_users(self, namespace: str) -> bool:
        """Whether ``auth/userpass`` is there in a namespace: it is mounted with the first user."""
        return any(where == namespace for where, _ in self._users)
