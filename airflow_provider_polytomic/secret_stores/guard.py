"""Checks and error translation around a store of another package."""

from __future__ import annotations

from functools import partial
from inspect import getattr_static
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError, SecretStoreError
from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret
from airflow_provider_polytomic.secret_stores.errors import translate_errors
from airflow_provider_polytomic.secret_stores.formats import refuse_connection
from airflow_provider_polytomic.secret_stores.name_check import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_polytomic.secret_stores.name_check import Kind

__all__ = ["guard_store"]

_MEMBERS = tuple(name for name in vars(SecretStore) if not name.startswith("_"))


def guard_store(store: Any, source: str, *, kind: Kind, name: str, backend: Any | None) -> SecretStore:
    """Return the store with its errors translated, its results and the name of its destination checked.

    :param source: where the store comes from, for messages.
    :param kind: of the destination.
    :param name: of the destination.
    :param backend: the secrets backend that reads the destination; None outside Airflow.
    :raises SecretStoreConfigurationError: if it lacks a member of
        :class:`~airflow_provider_polytomic.secret_stores.base.SecretStore`.
    """
    missing = [name for name in _MEMBERS if getattr_static(store, name, None) is None and not hasattr(store, name)]
    if missing:
        raise _broken(source, f"has a {type(store).__name__} without {', '.join(missing)}")
    return _GuardedStore(store, source, partial(check_name, kind, name, backend), is_outside=backend is None)


class _GuardedStore:
    """A store that another package registers.

    No error of its client leaves it, because a client quotes what it was given. No key leaves it as plain text.
    """

    def __init__(self, store: SecretStore, source: str, check: Callable[..., None], *, is_outside: bool) -> None:
        self._store, self._source, self._check_name, self._is_outside = store, source, check, is_outside
        self.place, self.identity, self.compare_and_set = str(store.place), str(store.identity), store.compare_and_set

    def explain_error(self, error: Exception) -> SecretStoreError | None:
        """Return the store's own explanation of an error; None if it has none, or fails to give one."""
        try:
            explanation = getattr(self._store, "explain_error", lambda _: None)(error)
        except Exception:  # noqa: BLE001 (code of another package raises anything, with a key in its message)
            return None
        return explanation if isinstance(explanation, SecretStoreError) else None

    @translate_errors
    def read(self) -> StoredSecret:
        stored = self._store.read()
        if not isinstance(stored, StoredSecret) or not isinstance(stored.value, ApiKey | None):
            raise _broken(self._source, "read() returns no StoredSecret with an ApiKey or None")
        if not isinstance(stored.version, str) or (stored.value and stored.value.reveal() in stored.version):
            raise _broken(self._source, "read() returns a version that is no string, or that has the key in it")
        if self._is_outside:
            refuse_connection(stored.raw.reveal())
        return stored

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        version = self._store.write(value, over)
        # The version is logged and reported, and a client's response may quote the key. The key is stored, so this is
        # no error.
        return version if isinstance(version, str) and value.reveal() not in version else "unknown"

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        return self._store.read_record()

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        self._store.write_record(record)

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:
        self._check_name(over, place=self.place, read=self.read)
        self._store.check_write(over)

    @translate_errors
    def read_back(self) -> ApiKey | None:
        key = self._store.read_back()
        if not isinstance(key, ApiKey | None):
            raise _broken(self._source, "read_back() returns neither an ApiKey nor None")
        return key

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        self._store.remove(over, permanently=permanently)

    @translate_errors
    def remove_record(self) -> None:
        self._store.remove_record()


def _broken(source: str, problem: str) -> SecretStoreConfigurationError:
    return SecretStoreConfigurationError(
        f"The registered store {source} does not implement SecretStore: {problem}. Nothing was changed by this. "
        "Correct its package on every worker.",
        reason="registered_store_broken",
    )
