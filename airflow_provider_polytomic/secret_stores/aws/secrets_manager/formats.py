"""Format of connections in AWS Secrets Manager, where ``SecretsManagerBackend`` accepts many names for each field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.secret_stores.formats import ConnectionFormat

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = ["AliasedConnectionFormat"]


class AliasedConnectionFormat:
    """The fields of a connection, read under any name that the backend accepts, written under Airflow's names.

    Of several names for one field, the backend takes the first in the JSON, so a write removes the others. Names that
    the backend does not take for a field stay.

    :param backend: is asked for the field of each name, which depends on its ``extra_conn_words``.
    :param issuer: base URL of the Polytomic server that issues.
    """

    def __init__(self, backend: Any, issuer: str) -> None:
        # A backend without aliases reads each name as it is.
        self._standardize: Any = getattr(backend, "_standardize_secret_keys", dict)
        self._fields = ConnectionFormat(issuer)

    def read(self, content: Any) -> StoredSecret:
        """Read the password."""
        return self._fields.read(self._rename(content) if isinstance(content, Mapping) else content)

    def insert(self, content: Any, key: ApiKey) -> dict[str, Any]:
        """Return the content with the key as password, without other names that the backend would read instead."""
        if not isinstance(content, Mapping):
            return self._fields.insert(content, key)
        others = {name: value for name, value in content.items() if not self._is_field(name)}
        return {**others, **self._fields.insert(self._rename(content), key)}

    def remove(self, content: Any) -> None:
        """Leave nothing, as of any connection."""

    def _rename(self, content: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in self._standardize(dict(content)).items() if value is not None}

    def _is_field(self, name: str) -> bool:
        marker = object()
        return any(value is marker for value in self._standardize({name: marker}).values())
