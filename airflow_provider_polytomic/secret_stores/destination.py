"""Where does a key go? A URI, checked and taken apart before anything is read or sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn, cast
from urllib.parse import quote, unquote

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = ["Destination"]

_FORMS = "airflow://connection/<conn_id>, airflow://variable/<key>"
_AIRFLOW = re.compile(r"airflow://(?P<kind>connection|variable)/(?P<name>[^?#@]*)")
# airflow.models.connection.RE_SANITIZE_CONN_ID, the same on 2.11 and 3.3: Airflow drops any other id without a word.
_CONN_ID = re.compile(r"[\w#!()\-.:/\\]+")
_MAX_LENGTH = 250  # of both columns: airflow.models.base.ID_LEN


@dataclass(frozen=True)
class Destination:
    """One place that can hold one key.

    :param scheme: ``airflow``: whatever secrets backend this Airflow is configured with.
    :param kind: which of Airflow's two kinds of secret.
    :param name: the id of the connection or the key of the Variable, case-sensitive, as a DAG uses it.
    :param conn_id: the connection whose hook writes; None: the backend's own client.
    """

    scheme: str
    kind: Literal["connection", "variable"]
    name: str
    conn_id: str | None = None

    @classmethod
    def parse(cls, uri: object) -> Destination:
        """Read a URI such as ``airflow://connection/acme_polytomic``; ``% ? # @`` in a name are percent-encoded.

        :raises PolytomicConfigurationError: if it is none of the allowed forms, which the message lists.
        """
        if not isinstance(uri, str):
            raise PolytomicConfigurationError(
                f"A destination is a text, not of type {type(uri).__name__}. Allowed: {_FORMS}. Nothing was sent."
            )
        # Not urlsplit: it lower-cases hosts, drops control characters and takes what follows a colon for a port.
        found = _AIRFLOW.fullmatch(uri)
        if found is None:
            _refuse(uri, "is not a destination that this version knows")
        kind = cast("Literal['connection', 'variable']", found["kind"])
        name = _decode(uri, found["name"])
        if problem := _problem(kind, name):
            _refuse(uri, problem)
        return cls("airflow", kind, name)

    def __str__(self) -> str:
        """Return the URI."""
        return f"{self.scheme}://{self.kind}/{quote(self.name)}"


def _decode(uri: str, text: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        _refuse(uri, "has a % that encodes nothing (write %25 for the character itself)")
    return unquote(text, errors="replace")


def _problem(kind: str, name: str) -> str | None:
    """Say why Airflow, or the path of some backend, could not hold a secret of this name; None if it can."""
    if not name:
        return f"names no {kind}"
    if len(name) > _MAX_LENGTH:
        return f"has a name of more than {_MAX_LENGTH} characters, Airflow's limit"
    if kind == "connection" and not _CONN_ID.fullmatch(name):
        return "has a connection id that Airflow refuses (it allows letters, digits and # ! ( ) - _ . : / \\)"
    if not name.isprintable() or name != name.strip() or "\N{REPLACEMENT CHARACTER}" in name:
        return "has a name with control characters, bad UTF-8, or blanks at its ends"
    if {"", ".", ".."} & set(name.split("/")):
        return "has an empty part, '.' or '..' between slashes, which paths of secrets cannot tell apart"
    return None


def _refuse(uri: str, problem: str) -> NoReturn:
    # What stands before an @ or after a ? can be a secret that somebody put there by mistake.
    shown = "The destination (not shown, because of its '@', '?' or '#')" if set(uri) & set("@?#") else f"{uri!r:.120}"
    raise PolytomicConfigurationError(f"{shown} {problem}. Allowed: {_FORMS}. Nothing was sent.") from None
