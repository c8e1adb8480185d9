"""Formats of the entries in a secrets file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.formats import ConnectionFormat

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = ["ListedConnectionFormat"]


class ListedConnectionFormat:
    """A connection, or a list of one, which the backend still reads; a write leaves no list.

    :param issuer: base URL of the Polytomic server that issues.
    """

    def __init__(self, issuer: str) -> None:
        self._connection = ConnectionFormat(issuer)

    def read(self, content: Any) -> StoredSecret:
        """Read the password."""
        return self._connection.read(_unwrap(content))

    def insert(self, content: Any, key: ApiKey) -> dict[str, Any]:
        """Return the connection's fields with the key as password."""
        return self._connection.insert(_unwrap(content), key)

    def remove(self, content: Any) -> None:
        """Leave nothing, as of any connection."""


def _unwrap(entry: Any) -> Any:
    if not isinstance(entry, list):
        return entry
    if len(entry) > 1:
        raise SecretStoreConfigurationError(
            f"the file has {len(entry)} connections of this id, so Airflow reads none of its connections. Nothing was "
            "changed. Keep one.",
            reason="given_twice",
        )
    return entry[0] if entry else None
