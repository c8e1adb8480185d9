"""Destinations of API keys and the stores behind them.

::

    from airflow_provider_polytomic.secret_stores import open_store

    store = open_store("airflow://connection/acme_polytomic", issuer="https://app.polytomic.com")

Names are loaded on first use, so that importing this package while a DAG file is parsed costs nothing.
:mod:`~airflow_provider_polytomic.secret_stores.extension` has what a store of another package needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.factory import open_store

__all__ = ["Destination", "SecretStore", "StoredSecret", "open_store"]

_MODULES = {"Destination": "destination", "SecretStore": "base", "StoredSecret": "base", "open_store": "factory"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
