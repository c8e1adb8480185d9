"""Which field of a connection is a key of a secret's JSON? ``SecretsManagerBackend`` knows many names for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.secret_stores.formats import ConnectionFormat

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = ["AliasedConnectionFormat"]


class AliasedConnectionFormat:
    """The fields of a connection under any name that the backend takes; written under Airflow's own names.

    The backend takes the first of several names that a JSON has for a field, so the others go when one is written. What
    it takes for no field at all stays.

    :param backend: is asked for the field of each name, which depends on its ``extra_conn_words``.
    :param issuer: base URL of the Polytomic server that issues.
    """

    def __init__(self, backend: Any, issuer: str) -> None:
        # A backend without aliases reads each name as it is.
        self._standardize: Any = getattr(backend, "_standardize_secret_keys", dict)
        self._fields = ConnectionFormat(issuer)

    def read(self, content: Any) -> StoredSecret:
        """Read the password."""
        return self._fields.read(self._standard(content) if isinstance(content, Mapping) else content)

    def insert(self, content: Any, key: ApiKey) -> dict[str, Any]:
        """Return the JSON's content with the key as password, and nothing left that would be read in its place."""
        if not isinstance(content, Mapping):
            return self._fields.insert(content, key)
        others = {name: value for name, value in content.items() if not self._is_field(name)}
        return {**others, **self._fields.insert(self._standard(content), key)}

    def remove(self, content: Any) -> None:
        """Leave nothing, as of any connection."""

    def _standard(self, content: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in self._standardize(dict(content)).items() if value is not None}

    def _is_field(self, name: str) -> bool:
        marker = object()
        return any(found is marker for found in self._standardize({name: marker}).values())
