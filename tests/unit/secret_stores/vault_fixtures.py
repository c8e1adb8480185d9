"""What do the tests of the store in Vault stand on? A backend of Airflow's on a mount, and an issuing worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.hashicorp.secrets.vault import VaultBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import store_on

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.base import SecretStore
    from tests.fakes.vault_server import VaultServer

__all__ = ["ISSUER", "backend_of", "contents", "issue", "opened"]

ISSUER = "https://app.polytomic.com"


def backend_of(vault: VaultServer, mount: str | None, *, cls: type[VaultBackend] = VaultBackend, **given: Any) -> Any:
    """A backend that may do everything."""
    return cls(**{"url": vault.url, "token": vault.root_token, "mount_point": mount, **given})


def opened(backend: Any, uri: str = "airflow://connection/acme") -> Any:
    """The store behind a destination."""
    return store_on(backend, Destination.parse(uri), issuer=ISSUER)


def issue(store: SecretStore, key: str = "a-new-key") -> None:
    """Do with a store what an issuance does."""
    held = store.read()
    store.check_write(held)
    store.write_record({"state": "open"})
    store.write(ApiKey(key), held)
    store.write_record({"state": "done"})


def contents(root: Any, mount: str, path: str) -> Any:
    """Read the latest version, as a person does."""
    return root.secrets.kv.v2.read_secret_version(path, mount_point=mount, raise_on_deleted_version=True)["data"][
        "data"
    ]
