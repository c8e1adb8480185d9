"""What a test needs of a Vault, be it the fake or a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VaultServer"]


class VaultServer(Protocol):
    """A running Vault or OpenBao, unsealed, with a KV version 2 mount at ``secret``, and a way to arrange things in it.

    Policies, tokens and users are in the root namespace.
    """

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``, without a path."""

    @property
    def root_token(self) -> str:
        """A token that may do everything."""

    @property
    def version(self) -> str:
        """What it is, for reports: ``fake``, or a real one's own words."""

    def mount(self, path: str, version: int, *, cas_required: bool = False, namespace: str | None = None) -> None:
        """Mount a KV secrets engine of version 1 or 2 at a path, e.g. ``team/kv``."""

    def policy(self, name: str, hcl: str) -> None:
        """Write an ACL policy; the tokens that have it are bound by it at once."""

    def token(self, policies: Sequence[str], *, no_default: bool = False) -> str:
        """Return a new token.

        :param no_default: leave out the built-in policy ``default``, without which a token may not even look at itself.
        """

    def revoke(self, token: str) -> None:
        """Have a token refused from now on."""

    def userpass(self, user: str, password: str, policies: Sequence[str]) -> None:
        """Let somebody log in at ``auth/userpass``; with ``default`` beside those policies."""

    def namespace(self, name: str) -> None:
        """Make a namespace below the root namespace."""

    def stop(self) -> None:
        """End it; everything in it is lost."""
