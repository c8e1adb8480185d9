"""Names that decide something: a destination's identity, the file of a record, whether Airflow masks a Variable."""

from __future__ import annotations

import hashlib
import logging
import string
from urllib.parse import quote, urlsplit

from airflow_provider_polytomic.version_compat import should_hide_value_for_key

__all__ = ["canonical_url", "file_name", "identity_of", "warn_of_unmasked_variable"]

log = logging.getLogger(__name__)

_PLAIN = frozenset(f"{string.ascii_lowercase}{string.digits}_-.".encode())
_LONGEST = 200  # of the 255 bytes that file systems allow
_PORTS = {"http": 80, "https": 443}


def identity_of(kind: str, *parts: str) -> str:
    """Return the identity of a destination.

    It must never change, nor may what is put into it: two workers with different versions of this package that open
    the same destination would ask Polytomic under two Idempotency-Keys, and get two keys.

    :param kind: of store.
    :param parts: what tells it from every other one there; the order and number depend on the kind only.
    """
    return "|".join([kind, *(quote(part, safe="/:.") for part in parts)])


def canonical_url(url: str) -> str:
    """Return a server's URL as every spelling of it has it: lower case, no default port, credentials or last slash."""
    found = urlsplit(url)
    host = (found.hostname or "") if ":" not in (found.hostname or "") else f"[{found.hostname}]"
    port = "" if found.port in {None, _PORTS.get(found.scheme)} else f":{found.port}"
    return f"{found.scheme}://{host}{port}{found.path.rstrip('/')}"


def file_name(name: str) -> str:
    """Return a file name that no other id has, not even where capitals do not count.

    Everything but lower-case letters, digits and ``_ - .`` is percent-encoded; what gets too long is hashed, behind a
    sign that encoding never gives.
    """
    encoded = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in name.encode())
    return encoded if len(encoded) <= _LONGEST else f"={hashlib.sha256(name.encode()).hexdigest()}"


def warn_of_unmasked_variable(key: str) -> None:
    """Log a warning if Airflow shows a Variable of this name unmasked when somebody reads it."""
    if not should_hide_value_for_key(key):
        log.warning(
            "Airflow does not mask the Variable %s in its UI and logs, because its name holds no word that it takes "
            "for sensitive. A name with api_key or token in it, such as %s_api_key, is masked.",
            key,
            key,
        )
