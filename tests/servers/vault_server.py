"""What does a test need of a Vault, be it the fake or a real one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VaultServer"]


class VaultServer(Protocol):
    """A running Vault or OpenBao, unsealed, and a way to arrange things in it.

    ``namespace`` is written without slashes at its ends; None is the root namespace. Both come with a KV version 2
    mount at ``secret``.
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
        """Mount a KV secrets engine.

        :param path: without slashes at its ends, e.g. ``team/kv``.
        :param version: 1 or 2.
        """

    def policy(self, name: str, hcl: str, namespace: str | None = None) -> None:
        """Write an ACL policy, in HCL or JSON."""

    def token(self, policies: Sequence[str], *, no_default: bool = False, namespace: str | None = None) -> str:
        """Return a new token.

        :param no_default: leave out the built-in policy ``default``, without which a token may not even look at itself.
        """

    def revoke(self, token: str) -> None:
        """Have a token refused from now on."""

    def userpass(self, user: str, password: str, policies: Sequence[str], *, namespace: str | None = None) -> None:
        """Let somebody log in at ``auth/userpass``; with ``default`` beside those policies."""

    def namespace(self, name: str) -> None:
        """Make a namespace; its parent must be there: ``eu`` before ``eu/west``."""

    def stop(self) -> None:
        """End it; everything in it is lost."""
