"""Identities of destinations, from which the Idempotency-Key is derived."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow_provider_polytomic._support.base_url import DEFAULT_PORTS, bracket_host

__all__ = ["build_identity", "normalise_url"]


def build_identity(kind: str, *parts: str) -> str:
    """Return the identity of a destination.

    It must never change, nor may what is put into it: two workers with different versions of this package that open
    the same destination would send two Idempotency-Keys, and get two keys.

    :param kind: of store.
    :param parts: what distinguishes the destination within its kind; their order and number depend on the kind only.
    """
    return "|".join([kind, *(quote(part, safe="/:.") for part in parts)])


def normalise_url(url: str) -> str:
    """Return the one spelling of a server's URL: lower case, no default port, no credentials, no trailing slash."""
    parts = urlsplit(url)
    host = bracket_host(parts.hostname)
    port = "" if parts.port in {None, DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
