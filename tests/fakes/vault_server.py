"""Interface of a Vault for tests, which the fake and the real one implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VaultServer"]


class VaultServer(Protocol):
    """A running Vault or OpenBao, unsealed, with a KV version 2 mount at ``secret``, which tests configure.

    Policies, tokens and users are in the root namespace.
    """

    @property
    def url(self) -> str:
        """The address ``http://127.0.0.1:<port>``, without a path."""

    @property
    def root_token(self) -> str:
        """A token that may do everything."""

    @property
    def version(self) -> str:
        """The version, for reports: ``fake``, or the output of a real one."""

    def mount(self, path: str, version: int, *, cas_required: bool = False, namespace: str | None = None) -> None:
        """Mount a KV secrets engine of version 1 or 2 at a path, e.g. ``team/kv``."""

    def policy(self, name: str, hcl: str) -> None:
        """Write an ACL policy, which applies at once to the tokens that have it."""

    def token(self, policies: Sequence[str], *, no_default: bool = False) -> str:
        """Return a new token.

        :param no_default: omit the built-in policy ``default``, without which a token may not even look itself up.
        """

    def revoke(self, token: str) -> None:
        """Revoke a token."""

    def userpass(self, user: str, password: str, policies: Sequence[str]) -> None:
        """Create a user of ``auth/userpass`` with these policies and ``default``."""

    def namespace(self, name: str) -> None:
        """Create a namespace below the root namespace."""

    def stop(self) -> None:
        """Stop the server; its content is lost."""
