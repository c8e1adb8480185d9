"""URIs of connections, as Airflow reads them."""

from __future__ import annotations

from typing import Any

__all__ = ["parse_connection_uri"]

_FIELDS = ("conn_type", "host", "login", "password", "schema", "port", "extra")


def parse_connection_uri(uri: str) -> dict[str, Any] | None:
    """Return the fields that a connection's URI sets; None if Airflow cannot read it."""
    from airflow.models.connection import Connection

    try:
        connection = Connection(uri=uri)
    except Exception:  # noqa: BLE001 (Airflow raises many types here, and their messages may quote the password)
        return None
    return {name: value for name in _FIELDS if (value := getattr(connection, name)) not in (None, "")}
