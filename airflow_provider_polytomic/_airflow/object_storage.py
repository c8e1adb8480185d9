"""Files that Airflow's ``ObjectStoragePath`` opens: paths, and URIs whose credentials come from a connection."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["is_missing_connection", "open_file"]


def open_file(address: str, mode: Literal["rb", "wb"], **options: Any) -> Any:
    """Return the open file; errors are raised unchanged.

    :param options: options for the file system's ``open``, such as ``block_size``.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    path: Any = ObjectStoragePath(address)  # its open is untyped
    return path.open(mode, **options)


def is_missing_connection(error: Exception) -> bool:
    """Return whether the error means that the connection of an address does not exist."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    return isinstance(error, AirflowNotFoundException)
