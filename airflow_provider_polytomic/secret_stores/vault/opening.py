"""Openers of Vault stores: for what a ``VaultBackend`` reads, and for any other path."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.hashicorp.hooks.vault import VaultHook

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.backend_reader import BackendReader, StubClient, first_with_value
from airflow_provider_polytomic.secret_stores.connection_document import hash_content
from airflow_provider_polytomic.secret_stores.formats import ConnectionFormat, FieldFormat, NonConnectionFormat
from airflow_provider_polytomic.secret_stores.vault.client import VaultClient
from airflow_provider_polytomic.secret_stores.vault.store import VaultStore

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.factory import ClientCache
    from airflow_provider_polytomic.secret_stores.formats import SecretFormat

__all__ = ["on_backend", "on_connection"]


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: ClientCache) -> VaultStore:
    """Return the store of what a ``VaultBackend`` reads for a destination.

    :raises SecretStoreConfigurationError: if the backend never reads it.
    """
    provider, client = backend.vault_client, VaultClient(backend.vault_client)
    if destination.conn_id is not None:
        client = VaultClient(_get_provider(destination.conn_id, clients))
        _refuse_other_namespace(destination, client.namespace, VaultClient(provider).namespace)
    stub = StubClient("vault_client", "get_secret", "secret_path", answer=lambda content: content)
    reader = BackendReader(backend, destination, stub)
    secret_format: SecretFormat = (
        _VaultConnectionFormat(issuer)
        if destination.kind == "connection"
        else NonConnectionFormat(FieldFormat("value"))  # Variables may have the path of connections
    )

    def open_at(path: str) -> VaultStore:
        # Without a mount point, each id begins with one.
        mount, below = (provider.mount_point, path) if provider.mount_point else path.split("/", 1)
        version = int(provider.kv_engine_version)
        return VaultStore(
            client, mount.strip("/"), below, version=version, secret_format=secret_format, reader=reader.at(path)
        )

    return first_with_value([open_at(path) for path in reader.paths()])


def on_connection(destination: Destination, *, clients: ClientCache) -> VaultStore:
    """Return the store of one field of any secret."""
    provider = _get_provider(destination.conn_id or "", clients)
    field = destination.field or ""
    return VaultStore(
        VaultClient(provider),
        destination.authority,
        destination.name,
        version=int(provider.kv_engine_version),
        secret_format=NonConnectionFormat(FieldFormat(field)),
        reader=None,
        field=field,
    )


def _refuse_other_namespace(destination: Destination, writes: str, reads: str) -> None:
    if writes != reads:
        raise SecretStoreConfigurationError(
            f"{destination} would be written in the namespace {writes or 'root'}, but the secrets backend reads in "
            f"{reads or 'root'}. No request was sent. Correct the namespace of the connection {destination.conn_id!r}.",
            reason="another_namespace",
            fields=["namespace"],
        )


def _get_provider(conn_id: str, clients: ClientCache) -> Any:
    return clients.get(conn_id, "Vault", partial(_make_provider, conn_id))


def _make_provider(conn_id: str) -> Any:
    hook = VaultHook(vault_conn_id=conn_id)
    # The hook also takes connections of type http, whose password would then be sent to their host as a token.
    if hook.connection.conn_type not in {"vault", "vaults"}:
        raise SecretStoreConfigurationError(
            f"The connection {conn_id!r} is of type {hook.connection.conn_type!r:.40}, not 'vault'. No request was "
            "sent. Name a connection of type 'vault'.",
            reason="connection_type",
            fields=["conn_type"],
        )
    return hook.vault_client


class _VaultConnectionFormat:
    """The fields of a connection, or its URI as ``conn_uri``, which makes the backend ignore all other fields."""

    def __init__(self, issuer: str) -> None:
        self._fields = ConnectionFormat(issuer)

    def read(self, content: Any) -> StoredSecret:
        uri = content.get("conn_uri") if content else None
        if not uri:
            return self._fields.read(content)
        return replace(self._fields.read(uri), version=hash_content(content), changes_format=True)

    def insert(self, content: Any, key: ApiKey) -> dict[str, Any]:
        return self._fields.insert((content.get("conn_uri") or content) if content else None, key)

    def remove(self, content: Any) -> None:
        """Leave nothing, as of any connection."""
