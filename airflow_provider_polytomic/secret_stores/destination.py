"""Where does a key go? A URI, checked and taken apart before anything is read or sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from sys import intern
from typing import Literal, NoReturn
from urllib.parse import quote, unquote

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX, SCHEMES

__all__ = ["Destination"]

Kind = Literal["connection", "variable", "secret"]

_KINDS: dict[str, Kind] = {"connection": "connection", "variable": "variable"}
_FORMS = ", ".join(
    [
        "airflow://connection/<conn_id>",
        "airflow://variable/<key>",
        "airflow://<writer_conn_id>@connection/<conn_id> (or @variable/<key>)",
        *(scheme.form for scheme in SCHEMES.values()),
    ]
)
_URI = re.compile(
    r"(?P<scheme>[a-z-]+)://(?:(?P<conn_id>[^:/?#@]*)@)?(?P<authority>[^/?#@]*)/(?P<name>[^?#@]*)"
    r"(?P<query>\?field=(?P<field>[^?#@&=]*))?"
)
# airflow.models.connection.RE_SANITIZE_CONN_ID, the same on 2.11 and 3.3: Airflow drops any other id without a word.
_CONN_ID = re.compile(r"[\w#!()\-.:/\\]+")
_MAX_LENGTH = 250  # of both columns: airflow.models.base.ID_LEN
_MAX_SECRET = 1024  # above the limit of every store, each of which has its own


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that can hold one key.

    :param scheme: ``airflow``: whatever secrets backend this Airflow is configured with; else one of
        :data:`~airflow_provider_polytomic.secret_stores.registry.SCHEMES`: a store outside Airflow.
    :param kind: which of Airflow's two kinds of secret, or a ``secret`` of a store outside Airflow.
    :param name: the id of the connection, the key of the Variable or the path of the secret; case-sensitive.
    :param conn_id: the connection whose hook writes; None: the backend's own client. A colon in it is percent-encoded,
        because what stands before and after one is often a name and a password, put there by mistake.
    :param authority: of a store outside Airflow: the part of it that holds the secret (Vault's mount), or nothing.
    :param field: of a store outside Airflow: which of the secret's fields is the key; None: the whole secret.
    """

    scheme: str
    kind: Kind
    name: str
    conn_id: str | None = None
    authority: str = ""
    field: str | None = None

    @classmethod
    def parse(cls, uri: object) -> Destination:
        """Read a URI such as ``airflow://connection/acme_polytomic``; ``% ? # @`` in a name are percent-encoded.

        :raises PolytomicConfigurationError: if it is none of the allowed forms, which the message lists.
        """
        if not isinstance(uri, str):
            raise PolytomicConfigurationError(
                f"A destination is a text, not of type {type(uri).__name__}.",
                f"Allowed: {_FORMS}.",
                reason="invalid_destination",
                fields=["destination"],
            )
        # Not urlsplit: it lower-cases hosts, drops control characters and takes what follows a colon for a port.
        found = _URI.fullmatch(uri)
        scheme = uri.partition("://")[0]
        if re.fullmatch(r"[\w+.-]{1,30}", scheme) and scheme != "airflow" and scheme not in SCHEMES and scheme != uri:
            _refuse(uri, f"has the unknown scheme {scheme!r}")
        if "://" not in uri:
            _refuse(uri, "does not begin with a scheme, such as airflow://")
        if found is None:
            _refuse(uri, "has something other than ?field=<name> behind its path, or no path, or a colon before its @")
        conn_id, authority, field = (_decode(uri, found[part]) for part in ("conn_id", "authority", "field"))
        destination = cls(
            scheme=intern(found["scheme"]),  # a fleet has many
            kind=_KINDS.get(authority or "", "secret") if found["scheme"] == "airflow" else "secret",
            name=_decode(uri, found["name"]) or "",
            conn_id=conn_id,
            authority="" if found["scheme"] == "airflow" else authority or "",
            field=field,
        )
        if problem := _problem(destination):
            _refuse(uri, problem)
        if destination.scheme != "airflow" and field is None and (default := SCHEMES[destination.scheme].field):
            return replace(destination, field=default)
        return destination

    def is_connection(self, conn_id: str) -> bool:
        """Whether it is this connection of Airflow's, whichever one it is written with."""
        return (self.scheme, self.kind, self.name) == ("airflow", "connection", conn_id)

    def __str__(self) -> str:
        """Return the URI."""
        writer = "" if self.conn_id is None else f"{quote(self.conn_id, safe='')}@"
        authority = self.kind if self.scheme == "airflow" else quote(self.authority, safe="")
        field = "" if self.field is None else f"?field={quote(self.field, safe='')}"
        return f"{self.scheme}://{writer}{authority}/{quote(self.name)}{field}"


def _decode(uri: str, text: str | None) -> str | None:
    if text is None:
        return None
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        _refuse(uri, "has a % that encodes nothing (write %25 for the character itself)")
    return unquote(text, errors="replace")


def _problem(found: Destination) -> str | None:
    """Say why Airflow, or the path of some backend, could not hold a secret of this name; None if it can."""
    if found.conn_id is not None and not _is_conn_id(found.conn_id):
        return "has no connection id before its @ (Airflow allows letters, digits and # ! ( ) - _ . : / \\)"
    problem = _problem_of_airflow(found) if found.scheme == "airflow" else _problem_of_scheme(found)
    return problem or _problem_of_path(found.name)


def _problem_of_airflow(found: Destination) -> str | None:
    if found.kind == "secret":
        return "names neither a connection nor a variable (airflow://connection/... or airflow://variable/...)"
    if found.field is not None:
        return f"names a field, which a {found.kind} of Airflow's has no need of"
    if not found.name:
        return f"names no {found.kind}"
    if len(found.name) > _MAX_LENGTH:
        return f"has a name of more than {_MAX_LENGTH} characters, Airflow's limit"
    if found.kind == "connection" and not _is_conn_id(found.name):
        return "has a connection id that Airflow refuses (it allows letters, digits and # ! ( ) - _ . : / \\)"
    return None


def _problem_of_scheme(found: Destination) -> str | None:
    scheme = SCHEMES[found.scheme]
    if found.conn_id is None:
        return "names no connection to write with, before an @"
    if bool(found.authority) != bool(scheme.authority):
        return f"names no {scheme.authority}" if scheme.authority else "has something between @ and /"
    if scheme.authority and (problem := _problem_of_path(found.authority)):
        return problem
    if found.field is not None and not (scheme.fields and found.field and found.field.isprintable()):
        return "names a field, but secrets have none there" if not scheme.fields else "names an empty field"
    if not found.name:
        return "names no secret"
    return f"has a name of more than {_MAX_SECRET} characters" if len(found.name) > _MAX_SECRET else None


def _problem_of_path(name: str) -> str | None:
    if not name.isprintable() or name != name.strip() or "\N{REPLACEMENT CHARACTER}" in name:
        return "has a name with control characters, bad UTF-8, or blanks at its ends"
    if name.endswith(RECORD_SUFFIX):
        return f"ends in {RECORD_SUFFIX}, as the record of another destination does"
    if {"", ".", ".."} & set(name.split("/")):
        return "has an empty part, '.' or '..' between slashes, which paths of secrets cannot tell apart"
    return None


def _is_conn_id(text: str) -> bool:
    return len(text) <= _MAX_LENGTH and _CONN_ID.fullmatch(text) is not None


def _refuse(uri: str, problem: str) -> NoReturn:
    # What stands before an @ or after a ? can be a secret that somebody put there by mistake.
    shown = "The destination (not shown, because of its '@', '?' or '#')" if set(uri) & set("@?#") else f"{uri!r:.120}"
    raise PolytomicConfigurationError(
        f"{shown} {problem}.", f"Allowed: {_FORMS}.", reason="invalid_destination", fields=["destination"]
    ) from None
