"""How a configured secrets backend reads a destination: its own instance is asked, its rules are not reimplemented."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow_provider_polytomic._airflow.masking import warn_about_unmasked_variable
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.base import ABSENT
from airflow_provider_polytomic.secret_stores.connection_document import parse_key
from airflow_provider_polytomic.secret_stores.errors import cannot_open, conflict, translate_errors
from airflow_provider_polytomic.secret_stores.name_check import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.formats import SecretFormat

__all__ = ["PLACEHOLDER", "BackendReader", "ServerStore", "StubClient", "first_with_value", "read_through"]

S = TypeVar("S", bound="SecretStore")

PLACEHOLDER = ApiKey("placeholder-of-a-polytomic-key")
"""Stands for a key in checks; it is never written where readers find it."""


@dataclass(frozen=True)
class StubClient:
    """A client that replaces a backend's own in a copy of the backend.

    :param attribute: of the backend: where its client is.
    :param operation: of the client: what the backend calls.
    :param argument: of the operation: the path.
    :param answer: turns a secret's content into what the operation returns; None stands for no secret.
    :param exceptions: of the client, if the backend reads them.
    """

    attribute: str
    operation: str
    argument: str
    answer: Callable[[Any], Any]
    exceptions: Any = None

    def install(self, backend: Any, read_content: Callable[[str], Any]) -> None:
        """Make a copy of a backend read these contents.

        :param read_content: returns the content at a path.
        """

        def operation(*args: Any, **kwargs: Any) -> Any:
            return self.answer(read_content(kwargs[self.argument] if self.argument in kwargs else args[0]))

        backend.__dict__[self.attribute] = SimpleNamespace(**{self.operation: operation}, exceptions=self.exceptions)


class BackendReader:
    """One connection or Variable, as a backend reads it.

    Which path that is, and whether a content would be understood, depends on the settings of the backend and the code
    of its class and subclasses. So a copy of the backend is asked, with a stub as its client.

    :param path: the one of its :meth:`paths` that is written.
    """

    def __init__(self, backend: Any, destination: Destination, stub: StubClient, path: str = "") -> None:
        self._backend, self._destination, self._stub, self._path = backend, destination, stub, path

    def check_name(self, over: StoredSecret, *, place: str, read: Callable[[], StoredSecret]) -> None:
        """See :func:`~airflow_provider_polytomic.secret_stores.name_check.check_name`."""
        check_name(self._destination.kind, self._destination.name, self._backend, over, place=place, read=read)

    def at(self, path: str) -> BackendReader:
        """Return the same reader for this one of its paths."""
        return BackendReader(self._backend, self._destination, self._stub, path)

    def paths(self) -> list[str]:
        """Return the paths that the backend reads, in its order; readers get the first that has a value.

        :raises SecretStoreConfigurationError: if it reads no path: readers would never find the secret.
        """
        requested: list[str] = []
        error_type: str | None = None
        try:
            self._read(self._copy(requested.append))
        except Exception as error:  # noqa: BLE001 (a subclass may do anything)
            error_type = type(error).__name__
        if paths := list(dict.fromkeys(requested)):
            return paths
        raise cannot_open(
            self._destination,
            f"{type(self._backend).__name__}, as it is configured, never reads a {self._destination.kind} of this name"
            f"{f' ({error_type})' if error_type else ''}",
            "Check the paths, prefixes, lookup patterns and mount point in the backend's kwargs, or use another name.",
            reason="backend_never_looks",
            fields=["destination", "backend_kwargs"],
        )

    def check(self, over: StoredSecret, secret_format: SecretFormat, read: Callable[[], StoredSecret]) -> None:
        """Check that readers would get a key that is inserted into what is stored.

        Where another connection writes, the backend is also asked whether it may read, and whether it reads the same
        place. Exceptions of its client pass through.

        :param read: reads the secret again, as the store does.
        :raises SecretStoreConflictError: if the secret is no longer what was read.
        :raises SecretStoreConfigurationError: if Airflow would not find the key in it, or reads another place.
        """
        self._check_trial(over.raw.reveal(), secret_format)
        if self._destination.conn_id is None:
            return
        back, now = self.read_back(), read()
        if now.version != over.version:
            raise conflict(str(self._destination))
        if not now.is_foreign and back is not now.value and not (back and back.matches(now.value)):
            raise SecretStoreConfigurationError(
                f"{self._destination} would be written where no task reads: the secrets backend gets another value "
                f"there than the connection {self._destination.conn_id!r}. Nothing was changed. Point both to the same "
                "server, namespace or account.",
                reason="backend_reads_elsewhere",
                fields=["destination"],
            )

    def read_back(self) -> ApiKey | None:
        """Ask the backend itself. Exceptions of its client pass through.

        :raises SecretStoreConfigurationError: if it cannot interpret what is stored.
        """
        try:
            return self._read(self._backend)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            error_type = type(error).__name__
        raise SecretStoreConfigurationError(
            f"{type(self._backend).__name__} cannot read what is stored at {self._destination} ({error_type}). This "
            "read changed nothing. Repair the secret.",
            reason="backend_cannot_read",
        )

    def _check_trial(self, content: Any, secret_format: SecretFormat) -> None:
        if self._destination.kind == "variable":
            warn_about_unmasked_variable(self._destination.name)
        problem = "would find another value in it"
        try:
            contents = {self._path: secret_format.insert(content, PLACEHOLDER)}
            if PLACEHOLDER.matches(self._read(self._copy(contents.get))):
                return
        except SecretStoreConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 (Airflow raises many types, and their messages may quote a secret)
            problem = f"could not read it ({type(error).__name__})"
        raise SecretStoreConfigurationError(
            f"A key inserted into the content of {self._path} would be unusable: {type(self._backend).__name__} "
            f"{problem}. Nothing was changed. Remove the fields that an Airflow {self._destination.kind} does not "
            "have, or use another destination.",
            reason="useless_with_a_key",
        )

    def _copy(self, read_content: Callable[[str], Any]) -> Any:
        backend = copy.copy(self._backend)
        for name, value in vars(backend).items():
            if isinstance(value, (dict, list, set)):  # such as a subclass's cache of responses
                setattr(backend, name, copy.copy(value))
        self._stub.install(backend, read_content)
        return backend

    def _read(self, backend: Any) -> ApiKey | None:
        return read_through(backend, self._destination.kind, self._destination.name)


def read_through(backend: Any, kind: str, name: str) -> ApiKey | None:
    """Return the key that a backend finds; without a team, as a task asks its own backend."""
    if kind == "variable":
        return parse_key(backend.get_variable(name))
    connection = backend.get_connection(name)
    return parse_key(connection.password) if connection else None


class ServerStore:
    """Base of the stores on a server; each sets its own ``identity``.

    :param place: see :class:`~airflow_provider_polytomic.secret_stores.base.SecretStore`.
    :param secret_format: how the secret holds the key.
    :param reader: how Airflow reads it; None outside Airflow.
    :param translate: context manager that translates the errors of a read by the backend's own client.
    """

    identity: str
    # Outside Airflow, set by the factory, which knows Airflow's own backend.
    check_names: Callable[[ServerStore, StoredSecret], None] = staticmethod(lambda _store, _over: None)

    def __init__(
        self,
        place: str,
        secret_format: SecretFormat,
        reader: BackendReader | None,
        translate: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.place, self._format, self._reader, self._translate = place, secret_format, reader, translate

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be pickled: its client has credentials."""
        raise TypeError("a store with credentials is not serialised")

    def read(self) -> StoredSecret:
        """See the protocol."""
        raise NotImplementedError

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        """Read again, and delete the value if it is still the one that was read; a missing one is no error.

        It may have been deleted by an earlier request of this task whose response was lost.
        """
        now = self.read()
        if self._is_gone(now):
            return
        if now.version != over.version:
            raise conflict(self.place, "removed")
        self._delete_value(now, permanently=permanently)

    @translate_errors
    def read_back(self) -> ApiKey | None:
        """Ask the configured backend; outside Airflow, read again."""
        if self._reader is None:
            return self.read().value
        with self._translate():
            return self._reader.read_back()

    def _check_readers(self, over: StoredSecret) -> None:
        # All of it asks the backend, whose client logs what it sends and receives unless that is suppressed.
        with self._translate():
            if self._reader is None:
                self.check_names(self, over)
            else:
                self._reader.check(over, self._format, self.read)
                self._reader.check_name(over, place=self.place, read=self.read)

    def _is_gone(self, now: StoredSecret) -> bool:
        return now.version == ABSENT

    def _delete_value(self, now: StoredSecret, *, permanently: bool) -> None:
        raise NotImplementedError


def first_with_value(stores: Sequence[S]) -> S:
    """Return the store of the path that readers get a value from: the first that has one, else the first."""
    if len(stores) == 1:
        return stores[0]
    return next((store for store in stores if store.read().version != ABSENT), stores[0])
