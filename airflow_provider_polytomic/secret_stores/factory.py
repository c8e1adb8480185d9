"""Opens destinations, with clients and a secrets backend that all destinations of a task share."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_polytomic._airflow.supervisor import SUPERVISOR_LOCK
from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import PolytomicError, SecretStoreConfigurationError, SecretStoreError
from airflow_provider_polytomic.secret_stores.base import ABSENT
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.errors import cannot_open, holds_a_connection
from airflow_provider_polytomic.secret_stores.registry import BACKENDS, SCHEMES, find_backend, find_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.secret_stores.backend_reader import ServerStore
    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret

__all__ = ["ClientCache", "StoreFactory", "open_store", "store_on"]

T = TypeVar("T")


class ClientCache:
    """The clients of a task: one for each connection and service, whichever thread asks first."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}
        self._topics: set[str] = set()
        self._lock = threading.Lock()

    def is_first(self, topic: str) -> bool:
        """Return whether this is the task's first call for a topic, so that a warning appears once."""
        with self._lock:
            is_first = topic not in self._topics
            self._topics.add(topic)
            return is_first

    def get(self, conn_id: str, service: str, make: Callable[[], T]) -> T:
        """Return the client of a connection for a service.

        :param conn_id: the connection's id.
        :param service: names the client among those of one connection, also in messages: ``Vault``.
        :param make: makes the client if there is none yet; may look up the connection.
        :raises SecretStoreConfigurationError: if the connection does not exist or cannot be used.
        """
        error_type: str | None = None
        with self._lock:
            if (conn_id, service) in self._clients:
                return cast("T", self._clients[conn_id, service])
            try:
                with SUPERVISOR_LOCK:  # a look-up of a connection may use the channel to the supervisor
                    client = self._clients[conn_id, service] = strip_traceback(make)()
            except SecretStoreError:
                raise
            except Exception as error:  # noqa: BLE001 (a hook raises anything, and may quote the connection)
                error_type = type(error).__name__
            else:
                return client
        raise SecretStoreConfigurationError(
            f"The connection {conn_id!r}, which writes to {service}, does not exist or cannot be used ({error_type}). "
            "No request was sent. Create or correct it.",
            reason="connection_unusable",
            fields=["destination"],
        )


class StoreFactory:
    """Opens any number of destinations, from any number of threads.

    :param issuer: base URL of the Polytomic server that issues: ``https://app.polytomic.com``.
    """

    def __init__(self, *, issuer: str) -> None:
        self._issuer, self._clients = issuer, ClientCache()
        self._lock = threading.Lock()
        self._backends: list[Any | None] = []  # empty until the backend is read, then one item

    def open(self, destination: Destination | str) -> SecretStore:
        """Return the store of a destination, on the secrets backend that this process reads with.

        :param destination: its URI, or the result of :meth:`Destination.parse`.
        :raises PolytomicConfigurationError: if the URI has none of the allowed forms.
        :raises SecretStoreConfigurationError: if no configured store can hold it; the message says what to do.
        """
        parsed = destination if isinstance(destination, Destination) else Destination.parse(destination)
        if parsed.scheme == "airflow":
            return store_on(self._backend(parsed), parsed, issuer=self._issuer, clients=self._clients)
        scheme = find_scheme(parsed.scheme)
        if scheme is None:
            raise cannot_open(
                parsed,
                f"no installed package has a store for {parsed.scheme}://",
                "Install the package on every worker, or use another destination.",
                reason="scheme_not_supported",
            )
        store = _open(parsed, lambda: scheme.open(parsed, issuer=self._issuer, clients=self._clients))
        if parsed.scheme in SCHEMES:
            cast("ServerStore", store).check_names = partial(self._check_names, parsed)
        return store

    def _check_names(self, destination: Destination, store: ServerStore, over: StoredSecret) -> None:
        """Refuse a secret outside Airflow that would change what a name means in Airflow, whose backend reads it."""
        backend = None if over.value is not None else self._backend(destination)
        if backend is None:
            return
        from airflow_provider_polytomic._airflow.secrets_backends import can_answer
        from airflow_provider_polytomic.secret_stores.aliases import find_aliases
        from airflow_provider_polytomic.secret_stores.name_check import check_name

        open_in_airflow = partial(store_on, backend, issuer=self._issuer, clients=self._clients)
        for kind, name in find_aliases(destination, store.identity, open_in_airflow):
            if kind == "connection" and over.version != ABSENT and can_answer(backend, kind, name):
                raise holds_a_connection(f"Airflow reads it as {name}")
            check_name(kind, name, backend, over, place=store.place, read=store.read)

    def _backend(self, destination: Destination) -> Any | None:
        with self._lock:  # Airflow itself would make one for each thread that asks before the first is made
            if not self._backends:
                self._backends.append(_configured_backend(destination))
            return self._backends[0]


def open_store(destination: Destination | str, *, issuer: str) -> SecretStore:
    """Return the store of one destination.

    :param destination: its URI, such as ``airflow://connection/acme_polytomic``, or the result of
        :meth:`Destination.parse`.
    :param issuer: base URL of the Polytomic server that issues: ``https://app.polytomic.com``.
    :raises PolytomicConfigurationError: if the URI has none of the allowed forms.
    :raises SecretStoreConfigurationError: if no configured store can hold it; the message says what to do.
    """
    return StoreFactory(issuer=issuer).open(destination)


def store_on(
    backend: Any | None, destination: Destination, *, issuer: str, clients: ClientCache | None = None
) -> SecretStore:
    """Return the destination's store on this backend; None stands for Airflow without a custom one.

    A subclass is served as its nearest base class that has a store; the store asks the instance itself what it reads.

    :raises SecretStoreConfigurationError: if the backend has no store, or the destination does not fit it.
    """
    from airflow_provider_polytomic._airflow.secrets_backends import qualified_name

    if backend is None:
        return _metastore(destination)
    names = [qualified_name(cls) for cls in type(backend).__mro__]
    row = find_backend(names)
    if row is None:
        raise cannot_open(
            destination,
            f"keys cannot be written to the configured secrets backend {names[0]}",
            f"Use one of these or a subclass: {', '.join(BACKENDS)}. Or install a package that registers a store for "
            "it on every worker.",
            reason="backend_not_supported",
        )
    if not row.writer:
        _refuse_writer(destination, type(backend).__name__)
    shared = clients or ClientCache()
    return _open(destination, lambda: row.open(backend, destination, issuer=issuer, clients=shared))


def _metastore(destination: Destination) -> SecretStore:
    if destination.kind == "connection":
        raise cannot_open(
            destination,
            "this Airflow has no secrets backend that holds connections, and tasks may not write connections to its "
            "database",
            f"Configure [secrets] backend (or [workers] secrets_backend) with one of {', '.join(BACKENDS)}, or use "
            "airflow://variable/<key>.",
            reason="no_backend",
        )
    _refuse_writer(destination, "Airflow's own database")
    from airflow_provider_polytomic.secret_stores.metastore import MetastoreStore

    return MetastoreStore(destination)


def _refuse_writer(destination: Destination, where: str) -> None:
    """Refuse a destination that names a writing connection if the store has no use for one.

    :raises SecretStoreConfigurationError: if it names one.
    """
    if destination.conn_id is not None:
        raise SecretStoreConfigurationError(
            f"{destination} names a connection that writes, but {where} is written without one. No request was sent. "
            f"Use airflow://{destination.kind}/<name>.",
            reason="writer_not_used",
            fields=["destination"],
        )


def _open(destination: Destination, open_: Callable[[], SecretStore]) -> SecretStore:
    try:
        return strip_traceback(open_)()
    except PolytomicError:
        raise
    except Exception as error:  # noqa: BLE001 (a backend's subclass raises anything, and may quote anything)
        error_type = type(error).__name__
    raise cannot_open(
        destination,
        f"the secrets backend or the connection cannot be used as it is ({error_type})",
        "Correct its settings.",
        reason="backend_unusable",
    )


@strip_traceback
def _configured_backend(destination: Destination) -> Any | None:
    from airflow_provider_polytomic._airflow.secrets_backends import configured_secrets_backend

    try:
        return configured_secrets_backend()
    except Exception as error:  # noqa: BLE001 (a backend's constructor raises anything, and may quote its arguments)
        error_type = type(error).__name__
    raise cannot_open(
        destination,
        f"Airflow's configured secrets backend cannot be created ({error_type})",
        "Correct [secrets] backend and backend_kwargs (or [workers] secrets_backend and its kwargs).",
        reason="backend_cannot_be_made",
        fields=["backend", "backend_kwargs"],
    )
