"""What is a store of a company's, to a test that runs DAGs on it? How Airflow is told of it, and what people do there.

Each site is a part of a running server that one test has to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SITES", "Rights", "Site"]

Rights = Literal["none", "read", "write"]

SITES = ("vault-kv1", "vault-kv2", "aws-secrets-manager", "aws-ssm")


class Site(Protocol):
    """One store, empty."""

    outside: str
    """A destination outside Airflow, one field of a secret; ``{conn_id}`` and ``{name}`` are to be put in."""
    beside: str | None
    """Another field of such a secret, or None where a secret is the key alone."""
    secrets: list[str]
    """What may be nowhere but in the settings: the credentials that were handed out."""

    def settings(self, rights: Rights = "write", *, down: bool = False, **kwargs: Any) -> dict[str, str]:
        """Return the settings of Airflow's.

        :param rights: of the backend.
        :param down: nobody listens there.
        :param kwargs: further arguments of the backend.
        """

    def connection(self) -> str:
        """Return a connection of Airflow's that may write, as JSON."""

    def put(self, name: str, fields: Mapping[str, Any]) -> None:
        """Put the fields of a connection where Airflow reads it."""

    def fields(self, name: str) -> Mapping[str, Any]:
        """Return the fields of a connection as they are there; none where there is none."""

    def variable(self, name: str) -> str | None:
        """Return a Variable as it is there."""

    def put_outside(self, name: str, key: str, beside: str) -> None:
        """Put a key, and another field beside it, at the destination outside Airflow."""

    def held_outside(self, name: str) -> tuple[str | None, str | None]:
        """Return the key there, and the other field."""

    def deny(self) -> None:
        """Take from all writers what they need to replace what people have put there."""
