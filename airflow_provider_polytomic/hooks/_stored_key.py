"""A key that is stored at a destination, with the settings of the server that issued it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from airflow_provider_polytomic._airflow.masking import mask_secret
from airflow_provider_polytomic._support.base_url import parse_base_url
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._connection import ConnectionSettings, base_url_from
from airflow_provider_polytomic.secret_stores.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.hooks._connection import ConnectionFields

__all__ = ["StoredKey"]


@dataclass(frozen=True)
class StoredKey:
    """A destination and the server that issued the key stored there.

    :param server: the base URL, or the id of a connection to the server; None only for a connection, which names its
        own server.
    """

    destination: Destination
    server: str | None

    @classmethod
    def parse(cls, uri: str, server: str | None) -> Self:
        """Check the destination, and that its server is known; nothing is read.

        :raises PolytomicConfigurationError: if the destination is invalid, or ``server`` is missing.
        """
        destination = Destination.parse(uri)
        if server is None and not _is_connection(destination):
            raise PolytomicConfigurationError(
                f"{destination} does not name the server that issued its key, and a key is sent only to that server.",
                "Pass server: its base URL, or the id of a connection to it.",
                reason="server_missing",
                fields=("server",),
            )
        return cls(destination, server)

    @property
    def conn_id(self) -> str:
        """The id of the connection whose settings are used; empty if the server is a URL."""
        if _is_connection(self.destination):
            return self.destination.name
        return "" if _is_url(self.server or "") else self.server or ""

    def settings(self, read_connection: Callable[[str], ConnectionFields]) -> ConnectionSettings:
        """Read the key, and return it with the settings of its server.

        :raises PolytomicConfigurationError: if there is no key, or a connection is invalid or to another server.
        :raises SecretStoreError: if the destination cannot be read.
        """
        if _is_connection(self.destination):
            return self._settings_of_connection(read_connection)
        server = self.server or ""
        if _is_url(server):
            base_url = _parse_url(server, allow_http=False)
            return ConnectionSettings(base_url, key=_read_key(self.destination, issuer=base_url))
        fields = read_connection(server)
        key = _read_key(self.destination, issuer=base_url_from(server, fields))
        return ConnectionSettings.parse(server, fields, key=key)

    def _settings_of_connection(self, read_connection: Callable[[str], ConnectionFields]) -> ConnectionSettings:
        settings = ConnectionSettings.parse(self.conn_id, read_connection(self.conn_id))
        if self.server is None:
            return settings
        if _is_url(self.server):
            expected = _parse_url(self.server, allow_http=True)
        else:
            expected = base_url_from(self.server, read_connection(self.server))
        if expected != settings.base_url:
            raise PolytomicConfigurationError(
                f"The connection {self.conn_id!r} is to {settings.base_url}, not to the given server, and a key is "
                "sent only to the server that issued it.",
                "Correct the connection or server.",
                reason="server_mismatch",
                fields=("server",),
            )
        return settings


def _read_key(destination: Destination, *, issuer: str) -> ApiKey:
    # Imported here: most hooks never open a store.
    from airflow_provider_polytomic.secret_stores.factory import open_store

    # Reading does not need the connection that writes.
    readable = replace(destination, conn_id=None) if destination.scheme == "airflow" else destination
    key = open_store(readable, issuer=issuer).read_back()
    if key is None:
        raise PolytomicConfigurationError(
            f"{destination} contains no key.", "Issue a key to it first.", reason="destination_empty"
        )
    # Airflow masks a connection's password by itself, but not what a backend returns for anything else.
    mask_secret(key)
    return key


def _is_connection(destination: Destination) -> bool:
    return destination.scheme == "airflow" and destination.kind == "connection"


def _is_url(server: str) -> bool:
    return "://" in server


def _parse_url(server: str, *, allow_http: bool) -> str:
    base_url, problem = parse_base_url(server, allow_http=allow_http)
    if base_url is None:
        raise PolytomicConfigurationError(
            f"The given server cannot be used: its host {problem}.",
            "Correct it, or pass the id of a connection to it.",
            reason="server_invalid",
            fields=("server",),
        )
    return base_url
