"""What do names decide? Which file a record is in, and whether Airflow masks a Variable."""

from __future__ import annotations

import hashlib
import logging
import string

from airflow_provider_polytomic.version_compat import should_hide_value_for_key

__all__ = ["file_name", "warn_of_unmasked_variable"]

log = logging.getLogger(__name__)

_PLAIN = frozenset(f"{string.ascii_lowercase}{string.digits}_-.".encode())
_LONGEST = 200  # of the 255 bytes that file systems allow


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
