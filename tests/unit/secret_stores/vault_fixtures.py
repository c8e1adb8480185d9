"""Helpers of the tests of the Vault store: Airflow's backend on a mount, and the steps of an issuance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.hashicorp.secrets.vault import VaultBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import store_on

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.base import SecretStore
    from tests.fakes.vault_server import VaultServer

__all__ = ["ISSUER", "contents", "issue", "make_backend", "open_on"]

ISSUER = "https://app.polytomic.com"


def make_backend(vault: VaultServer, mount: str | None, *, cls: type[VaultBackend] = VaultBackend, **given: Any) -> Any:
    """Return a backend that may do everything."""
    return cls(**{"url": vault.url, "token": vault.root_token, "mount_point": mount, **given})


def open_on(backend: Any, uri: str = "airflow://connection/acme") -> Any:
    """Return the store of a destination."""
    return store_on(backend, Destination.parse(uri), issuer=ISSUER)


def issue(store: SecretStore, key: str = "a-new-key") -> None:
    """Take the steps of an issuance on a store."""
    stored = store.read()
    store.check_write(stored)
    store.write_record({"state": "open"})
    store.write(ApiKey(key), stored)
    store.write_record({"state": "done"})


def contents(root: Any, mount: str, path: str) -> Any:
    """Read the latest version, without the package."""
    return root.secrets.kv.v2.read_secret_version(path, mount_point=mount, raise_on_deleted_version=True)["data"][
        "data"
    ]
