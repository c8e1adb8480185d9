"""What tells a destination from every other one: the Idempotency-Key is derived from it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

__all__ = ["build_identity", "normalise_url"]

_PORTS = {"http": 80, "https": 443}


def build_identity(kind: str, *parts: str) -> str:
    """Return the identity of a destination.

    It must never change, nor may what is put into it: two workers with different versions of this package that open
    the same destination would ask Polytomic under two Idempotency-Keys, and get two keys.

    :param kind: of store.
    :param parts: what tells it from every other one there; the order and number depend on the kind only.
    """
    return "|".join([kind, *(quote(part, safe="/:.") for part in parts)])


def normalise_url(url: str) -> str:
    """Return a server's URL as every spelling of it has it: lower case, no default port, credentials or last slash."""
    found = urlsplit(url)
    host = (found.hostname or "") if ":" not in (found.hostname or "") else f"[{found.hostname}]"
    port = "" if found.port in {None, _PORTS.get(found.scheme)} else f":{found.port}"
    return f"{found.scheme}://{host}{port}{found.path.rstrip('/')}"
