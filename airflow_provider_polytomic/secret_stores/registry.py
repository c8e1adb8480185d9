"""Which store is behind a destination? The one row here that knows the class of the configured secrets backend."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_polytomic.exceptions import MisconfiguredError
from airflow_provider_polytomic.secret_stores.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = ["open_store", "store_on"]

_STORES = "airflow_provider_polytomic.secret_stores"
# A backend's class, as Airflow's configuration names it, and what makes a store of (backend, destination, issuer=...).
_BACKENDS = {
    "airflow.secrets.local_filesystem.LocalFilesystemBackend": f"{_STORES}.local_filesystem:LocalFilesystemStore",
}


@contextmanager
def open_store(destination: Destination | str, *, issuer: str) -> Iterator[SecretStore]:
    """Open the store that holds a destination, on the secrets backend that this very process reads with.

    :param destination: its URI, or what :meth:`Destination.parse` made of it.
    :param issuer: base URL of the Polytomic server that issues: ``https://app.polytomic.com``.
    :raises PolytomicConfigurationError: if the URI is none of the allowed forms.
    :raises MisconfiguredError: if Airflow has no backend configured that can hold it; the message says what to do.
    """
    parsed = destination if isinstance(destination, Destination) else Destination.parse(destination)
    yield store_on(_configured_backend(parsed), parsed, issuer=issuer)


def store_on(backend: Any | None, destination: Destination, *, issuer: str) -> SecretStore:
    """Return the destination's store on this backend; None stands for Airflow without a custom one.

    A subclass is served as the nearest class above it that has a row: what it reads is asked of the instance itself.

    :raises MisconfiguredError: if there is no such row, or no place for a connection.
    """
    if backend is None:
        if destination.kind == "connection":
            raise MisconfiguredError(
                f"{destination} has no place: this Airflow has no secrets backend that holds connections, and tasks "
                "may not write connections to its database. Nothing was sent. Configure [secrets] backend (or "
                f"[workers] secrets_backend) with one of {', '.join(_BACKENDS)}, or use airflow://variable/<key>."
            )
        from airflow_provider_polytomic.secret_stores.metastore import MetastoreStore

        return MetastoreStore(destination)
    from airflow_provider_polytomic.version_compat import qualified_name

    for cls in type(backend).__mro__:
        if row := _BACKENDS.get(qualified_name(cls)):
            module, _, factory = row.partition(":")
            make = getattr(import_module(module), factory)
            return cast("SecretStore", make(backend, destination, issuer=issuer))
    raise MisconfiguredError(
        f"{destination} has no place: keys cannot be written to the configured secrets backend "
        f"{qualified_name(type(backend))}. Nothing was sent. Supported, with their subclasses: {', '.join(_BACKENDS)}."
    )


def _configured_backend(destination: Destination) -> Any | None:
    from airflow_provider_polytomic.version_compat import configured_secrets_backend

    try:
        return configured_secrets_backend()
    except Exception as error:  # noqa: BLE001 (a backend's constructor raises anything, and may quote its arguments)
        kind = type(error).__name__
    raise MisconfiguredError(
        f"{destination} has no place: Airflow's configured secrets backend cannot be made ({kind}). "
        "Nothing was sent. Correct [secrets] backend and backend_kwargs (or [workers] secrets_backend and its kwargs)."
    )
