"""URIs of destinations, parsed and checked before any request is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from sys import intern
from typing import TYPE_CHECKING, Literal, NoReturn
from urllib.parse import quote, unquote

from airflow_provider_polytomic._support.ids import find_conn_id_problem
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIXES, SCHEMES, find_scheme, registered_names

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.registry import StoreScheme

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
_SCHEME = re.compile("[a-z][a-z0-9-]*")
_URI = re.compile(
    r"(?P<scheme>[a-z][a-z0-9-]*)://(?:(?P<conn_id>[^:/?#@]*)@)?(?P<authority>[^/?#@]*)/(?P<name>[^?#@]*)"
    r"(?P<query>\?field=(?P<field>[^?#@&=]*))?"
)
_MAX_LENGTH = 250  # of both columns: airflow.models.base.ID_LEN
_MAX_SECRET = 1024  # above the limit of every store, each of which has its own


@dataclass(frozen=True, slots=True)
class Destination:
    """The place of one key.

    :param scheme: ``airflow`` for the secrets backend that this Airflow is configured with, otherwise the scheme of a
        store outside Airflow.
    :param kind: ``connection`` or ``variable`` in Airflow, ``secret`` outside Airflow.
    :param name: the id of the connection, the key of the Variable or the path of the secret; case-sensitive.
    :param conn_id: the connection whose hook writes; None means the backend's own client. A colon in it is
        percent-encoded in the URI, because a plain one often separates a user name and a password.
    :param authority: outside Airflow: the part of the store that holds the secret (in Vault, the mount), or empty.
    :param field: outside Airflow: the field of the secret that is the key; None means the whole secret.
    """

    scheme: str
    kind: Kind
    name: str
    conn_id: str | None = None
    authority: str = ""
    field: str | None = None

    @classmethod
    def parse(cls, uri: object) -> Destination:
        """Parse a URI such as ``airflow://connection/acme_polytomic``; ``% ? # @`` in a name are percent-encoded.

        :raises PolytomicConfigurationError: if it has none of the allowed forms, which the message lists.
        :raises SecretStoreConfigurationError: if another package has registered its scheme and cannot be used.
        """
        if not isinstance(uri, str):
            raise PolytomicConfigurationError(
                f"A destination is a string, not of type {type(uri).__name__}.",
                f"Allowed: {_FORMS}.",
                reason="invalid_destination",
                fields=["destination"],
            )
        # Not urlsplit: it lower-cases hosts, drops control characters and takes what follows a colon for a port.
        match = _URI.fullmatch(uri)
        scheme = uri.partition("://")[0]
        if re.fullmatch(r"[\w+.-]{1,30}", scheme) and scheme != uri and not _is_known(scheme):
            _refuse(uri, f"has the unknown scheme {scheme!r}", *(f"{name}://..." for name in _registered_schemes()))
        if "://" not in uri:
            _refuse(uri, "does not begin with a scheme, such as airflow://")
        if match is None:
            _refuse(uri, "has something other than ?field=<name> after its path, or no path, or a colon before its @")
        conn_id, authority, field = (_decode(uri, match[part]) for part in ("conn_id", "authority", "field"))
        destination = cls(
            scheme=intern(match["scheme"]),  # a batch has many
            kind=_KINDS.get(authority or "", "secret") if match["scheme"] == "airflow" else "secret",
            name=_decode(uri, match["name"]) or "",
            conn_id=conn_id,
            authority="" if match["scheme"] == "airflow" else authority or "",
            field=field,
        )
        row = None if destination.scheme == "airflow" else find_scheme(destination.scheme)
        if problem := _find_problem(destination, row):
            _refuse(uri, problem, *([row.form] if row and destination.scheme not in SCHEMES else []))
        return replace(destination, field=row.field) if row and row.field and field is None else destination

    def is_connection(self, conn_id: str) -> bool:
        """Whether it is this Airflow connection, whichever connection writes it."""
        return (self.scheme, self.kind, self.name) == ("airflow", "connection", conn_id)

    def __str__(self) -> str:
        """Return the URI."""
        writer = "" if self.conn_id is None else f"{quote(self.conn_id, safe='')}@"
        authority = self.kind if self.scheme == "airflow" else quote(self.authority, safe="")
        field = "" if self.field is None else f"?field={quote(self.field, safe='')}"
        return f"{self.scheme}://{writer}{authority}/{quote(self.name)}{field}"


def _is_known(scheme: str) -> bool:
    return scheme == "airflow" or (_SCHEME.fullmatch(scheme) is not None and find_scheme(scheme) is not None)


def _registered_schemes() -> list[str]:
    return [name for name in registered_names() if _SCHEME.fullmatch(name)]


def _decode(uri: str, text: str | None) -> str | None:
    if text is None:
        return None
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        _refuse(uri, "has a % that encodes nothing (write %25 for the character itself)")
    return unquote(text, errors="replace")


def _find_problem(destination: Destination, scheme: StoreScheme | None) -> str | None:
    """Return why no store can hold a secret of this name; None if one can."""
    if destination.conn_id is not None and (problem := find_conn_id_problem(destination.conn_id)):
        return f"has no connection id before its @: it {problem}"
    problem = _find_problem_outside(destination, scheme) if scheme else _find_problem_in_airflow(destination)
    return problem or _find_problem_of_path(destination.name)


def _find_problem_in_airflow(destination: Destination) -> str | None:
    if destination.kind == "secret":
        return "names neither a connection nor a variable (airflow://connection/... or airflow://variable/...)"
    if destination.field is not None:
        return f"names a field, which an Airflow {destination.kind} does not need"
    if not destination.name:
        return f"names no {destination.kind}"
    if len(destination.name) > _MAX_LENGTH:
        return f"has a name of more than {_MAX_LENGTH} characters, Airflow's limit"
    if destination.kind == "connection" and (problem := find_conn_id_problem(destination.name)):
        return f"has an invalid connection id: it {problem}"
    return None


def _find_problem_outside(destination: Destination, scheme: StoreScheme) -> str | None:
    if destination.conn_id is None:
        return "names no connection that writes, before an @"
    if bool(destination.authority) != bool(scheme.authority):
        return f"names no {scheme.authority}" if scheme.authority else "has something between @ and /"
    if scheme.authority and (problem := _find_problem_of_path(destination.authority)):
        return problem
    field = destination.field
    if field is not None and not (scheme.fields and field and field.isprintable()):
        return "names an empty field" if scheme.fields else "names a field, but its secrets have no fields"
    if not destination.name:
        return "names no secret"
    return f"has a name of more than {_MAX_SECRET} characters" if len(destination.name) > _MAX_SECRET else None


def _find_problem_of_path(name: str) -> str | None:
    if not name.isprintable() or name != name.strip() or "\N{REPLACEMENT CHARACTER}" in name:
        return "has a name with control characters, invalid UTF-8, or blanks at its ends"
    if suffix := next((suffix for suffix in RECORD_SUFFIXES if name.lower().endswith(suffix)), None):
        return f"ends in {suffix}, as the record of another destination does"
    if {"", ".", ".."} & set(name.split("/")):
        return "has an empty part, '.' or '..' between slashes, which secret paths cannot distinguish"
    return None


def _refuse(uri: str, problem: str, *forms: str) -> NoReturn:
    # The part before an @ or after a ? can be a secret that a user has put there by mistake.
    shown = "The destination (not shown, because of its '@', '?' or '#')" if set(uri) & set("@?#") else f"{uri!r:.120}"
    raise PolytomicConfigurationError(
        f"{shown} {problem}.",
        f"Allowed: {', '.join([_FORMS, *forms])}.",
        reason="invalid_destination",
        fields=["destination"],
    ) from None
