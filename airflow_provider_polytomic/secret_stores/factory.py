"""Which store is behind a destination? Opened with what is made once for all destinations of a task."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_polytomic._airflow.supervisor import SUPERVISOR_LOCK
from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import PolytomicError, SecretStoreConfigurationError, SecretStoreError
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.errors import cannot_open
from airflow_provider_polytomic.secret_stores.registry import BACKENDS, SCHEMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = ["ClientCache", "StoreFactory", "open_store", "store_on"]

T = TypeVar("T")


class ClientCache:
    """The clients of a task, each made once, whichever of its threads asks first."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def of(self, conn_id: str, service: str, make: Callable[[], T]) -> T:
        """Return the client of a connection for a service; made if need be.

        :raises SecretStoreConfigurationError: if there is no such connection, or none that can be used.
        """
        kind: str | None = None
        with self._lock:
            if (conn_id, service) in self._made:
                return cast("T", self._made[conn_id, service])
            try:
                with SUPERVISOR_LOCK:  # a connection may be asked of the supervisor
                    made = self._made[conn_id, service] = strip_traceback(make)()
            except SecretStoreError:
                raise
            except Exception as error:  # noqa: BLE001 (a hook raises anything, and may quote the connection)
                kind = type(error).__name__
            else:
                return made
        raise SecretStoreConfigurationError(
            f"The connection {conn_id!r}, to write to {service} with, does not exist or cannot be used ({kind}). "
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
        self._backends: list[Any | None] = []  # none yet, or the one

    def open(self, destination: Destination | str) -> SecretStore:
        """Return the store that holds a destination, on the secrets backend that this very process reads with.

        :param destination: its URI, or what :meth:`Destination.parse` made of it.
        :raises PolytomicConfigurationError: if the URI is none of the allowed forms.
        :raises SecretStoreConfigurationError: if nothing configured can hold it; the message says what to do.
        """
        parsed = destination if isinstance(destination, Destination) else Destination.parse(destination)
        if parsed.scheme == "airflow":
            return store_on(self._backend(parsed), parsed, issuer=self._issuer, clients=self._clients)
        scheme = SCHEMES[parsed.scheme]
        return _made(
            scheme.module, scheme.extra, parsed, lambda module: module.on_connection(parsed, clients=self._clients)
        )

    def _backend(self, destination: Destination) -> Any | None:
        with self._lock:  # Airflow itself would make one for each thread that comes before the first is made
            if not self._backends:
                self._backends.append(_configured_backend(destination))
            return self._backends[0]


def open_store(destination: Destination | str, *, issuer: str) -> SecretStore:
    """Open the one store of a task that has one destination: :meth:`StoreFactory.open`."""
    return StoreFactory(issuer=issuer).open(destination)


def store_on(
    backend: Any | None, destination: Destination, *, issuer: str, clients: ClientCache | None = None
) -> SecretStore:
    """Return the destination's store on this backend; None stands for Airflow without a custom one.

    A subclass is served as the nearest class above it that has a row: what it reads is asked of the instance itself.

    :raises SecretStoreConfigurationError: if there is no such row, or no place for a connection.
    """
    from airflow_provider_polytomic._airflow.secrets_backends import qualified_name

    if backend is None:
        return _metastore(destination)
    names = [qualified_name(cls) for cls in type(backend).__mro__]
    row = next((BACKENDS[name] for name in names if name in BACKENDS), None)
    if row is None:
        raise cannot_open(
            destination,
            f"keys cannot be written to the configured secrets backend {names[0]}",
            f"Supported, with their subclasses: {', '.join(BACKENDS)}.",
            reason="backend_not_supported",
        )
    if not row.writer:
        _refuse_writer(destination, type(backend).__name__)
    shared = clients or ClientCache()
    return _made(
        row.module,
        row.extra,
        destination,
        lambda module: module.on_backend(backend, destination, issuer=issuer, clients=shared),
    )


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
    """Refuse a destination that names a connection to write with, where a store is written without any.

    :raises SecretStoreConfigurationError: if it does.
    """
    if destination.conn_id is not None:
        raise SecretStoreConfigurationError(
            f"{destination} names a connection to write with, but {where} is written without one. No request was sent. "
            f"Use airflow://{destination.kind}/<name>.",
            reason="writer_not_used",
            fields=["destination"],
        )


def _made(name: str, extra: str | None, destination: Destination, make: Callable[[Any], SecretStore]) -> SecretStore:
    """Import a store's module and have it make the store."""
    try:
        module = import_module(f"{__package__}.{name}")
    except ImportError as error:
        raise SecretStoreConfigurationError(
            f"{destination} needs a package that is not installed here ({error.name or type(error).__name__}). No "
            f"request was sent. Install airflow-provider-polytomic[{extra}] on every worker.",
            reason="package_missing",
        ) from None
    try:
        return make(module)
    except PolytomicError:
        raise
    except Exception as error:  # noqa: BLE001 (a backend's subclass does anything, and its words may quote anything)
        kind = type(error).__name__
    raise cannot_open(
        destination,
        f"the secrets backend or the connection cannot be used as it is ({kind})",
        "Correct its settings.",
        reason="backend_unusable",
    )


@strip_traceback
def _configured_backend(destination: Destination) -> Any | None:
    from airflow_provider_polytomic._airflow.secrets_backends import configured_secrets_backend

    try:
        return configured_secrets_backend()
    except Exception as error:  # noqa: BLE001 (a backend's constructor raises anything, and may quote its arguments)
        kind = type(error).__name__
    raise cannot_open(
        destination,
        f"Airflow's configured secrets backend cannot be made ({kind})",
        "Correct [secrets] backend and backend_kwargs (or [workers] secrets_backend and its kwargs).",
        reason="backend_cannot_be_made",
        fields=["backend", "backend_kwargs"],
    )
