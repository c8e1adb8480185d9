"""Formats in which a secret's content holds a key: a connection's password, one field of several, or all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.base import ABSENT, StoredSecret
from airflow_provider_polytomic.secret_stores.connection_document import (
    hash_content,
    merge_key,
    read_connection,
    read_string,
)
from airflow_provider_polytomic.secret_stores.errors import holds_a_connection

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey

__all__ = [
    "ConnectionFormat",
    "FieldFormat",
    "JsonFormat",
    "NonConnectionFormat",
    "SecretFormat",
    "TextFormat",
    "refuse_connection",
]

# The fields by which Airflow's backends recognise a connection.
_CONNECTION_FIELDS = ("conn_type", "conn_uri")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*://.*", re.DOTALL)


class SecretFormat(Protocol):
    """How a content holds a key. The content of a secret that does not exist is None."""

    def read(self, content: Any) -> StoredSecret:
        """Return what the content holds; the version is a hash of the content."""

    def insert(self, content: Any, key: ApiKey) -> Any:
        """Return the content with the key in it; everything else in it stays."""

    def remove(self, content: Any) -> Any:
        """Return the content without the key; None if nothing is left, so that the whole secret is deleted.

        A content that has no field for a key is deleted whole; one whose field is not set is returned as it is.
        """


class ConnectionFormat:
    """The fields of an Airflow connection, or its URI; the key is the password.

    :param issuer: base URL of the Polytomic server that issues.
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def read(self, content: Mapping[str, Any] | str | None) -> StoredSecret:
        """Read the password."""
        return read_connection(content, issuer=self._issuer)

    def insert(self, content: Mapping[str, Any] | str | None, key: ApiKey) -> dict[str, Any]:
        """Return the connection's fields with the key as password."""
        return merge_key(content, key, issuer=self._issuer)

    def remove(self, content: Mapping[str, Any] | str | None) -> None:
        """Leave nothing: a connection without its key is of no use."""


class TextFormat:
    """The key is the whole content."""

    def read(self, content: Any) -> StoredSecret:
        """Read the string."""
        return read_string(content)

    def insert(self, content: Any, key: ApiKey) -> str:  # noqa: ARG002 (nothing of it stays)
        """Return the key's text."""
        return key.reveal()

    def remove(self, content: Any) -> None:
        """Leave nothing."""


class FieldFormat:
    """The key is one of several fields; the others stay.

    :param field: its name.
    """

    def __init__(self, field: str) -> None:
        self._field = field

    def read(self, content: Any) -> StoredSecret:
        """Read the field; a content without fields is foreign."""
        if content is None:
            return StoredSecret(value=None, version=ABSENT)
        if not isinstance(content, Mapping):
            return StoredSecret(value=None, version=hash_content(content), is_foreign=True)
        stored = read_string(content.get(self._field))
        return StoredSecret(value=stored.value, version=hash_content(content), is_foreign=stored.is_foreign)

    def insert(self, content: Any, key: ApiKey) -> dict[str, Any]:
        """Return the fields with the key among them."""
        return {**(content if isinstance(content, Mapping) else {}), self._field: key.reveal()}

    def remove(self, content: Any) -> Any:
        """Return the other fields."""
        if not isinstance(content, Mapping):
            return None
        if self._field not in content:
            return content
        return {name: value for name, value in content.items() if name != self._field} or None


class JsonFormat:
    """Another format, encoded as JSON; it gets a string that is not a JSON object as it is.

    :param inner: the format of the decoded JSON.
    """

    def __init__(self, inner: SecretFormat) -> None:
        self._inner = inner

    def read(self, content: Any) -> StoredSecret:
        """Read the JSON."""
        return self._inner.read(_parse(content))

    def insert(self, content: Any, key: ApiKey) -> str:
        """Return new JSON.

        :raises SecretStoreConfigurationError: if other values in it would change.
        """
        parsed = _parse(content)
        _check_exact(content, parsed)
        return _render(self._inner.insert(parsed, key))

    def remove(self, content: Any) -> Any:
        """Return new JSON, or the same content if nothing was removed.

        :raises SecretStoreConfigurationError: if other values in it would change.
        """
        parsed = _parse(content)
        rest = self._inner.remove(parsed)
        if rest is None:
            return None
        if rest is parsed:
            return content
        _check_exact(content, parsed)
        return _render(rest)


class NonConnectionFormat:
    """Another format, for a secret that is no Airflow connection: a key in a connection breaks it for every task.

    ``take_over`` makes no difference.

    :param inner: the format.
    """

    def __init__(self, inner: SecretFormat) -> None:
        self._inner = inner

    def read(self, content: Any) -> StoredSecret:
        """Read the content.

        :raises SecretStoreConfigurationError: if it is a connection.
        """
        refuse_connection(content)
        return self._inner.read(content)

    def insert(self, content: Any, key: ApiKey) -> Any:
        """Return the content with the key in it.

        :raises SecretStoreConfigurationError: if it is a connection.
        """
        refuse_connection(content)
        return self._inner.insert(content, key)

    def remove(self, content: Any) -> Any:
        """Return the content without the key.

        :raises SecretStoreConfigurationError: if it is a connection.
        """
        refuse_connection(content)
        return self._inner.remove(content)


def refuse_connection(content: Any) -> None:
    """Refuse a content that looks like an Airflow connection: its fields, their JSON, or a URI.

    :raises SecretStoreConfigurationError: if it does; the message does not show it.
    """
    parsed = _parse(content)
    sign = ""
    if isinstance(parsed, Mapping):
        sign = next((f"it has the field {name}" for name in _CONNECTION_FIELDS if name in parsed), "")
    elif isinstance(parsed, str) and _URI.fullmatch(parsed.strip()):
        sign = "it is a URI"
    if not sign:
        return
    del content, parsed
    raise holds_a_connection(sign)


def _check_exact(content: Any, parsed: Any) -> None:
    """Refuse JSON that cannot be rewritten without changing other values.

    :raises SecretStoreConfigurationError: if it is such JSON.
    """
    if parsed is not content and not _is_exact(content, parsed):
        raise SecretStoreConfigurationError(
            "Numbers or repeated names in the secret's JSON would change if the key was inserted or removed. Nothing "
            "was changed. Write such numbers as strings, and each name once.",
            reason="not_the_same_afterwards",
        )


def _is_exact(content: str, parsed: Any) -> bool:
    try:
        return bool(_parse_exactly(content) == _parse_exactly(json.dumps(parsed)))
    except (ArithmeticError, RecursionError):  # an exponent that no decimal can have; too deep
        return False


def _parse_exactly(text: str) -> Any:
    """Return the content of JSON with every digit and every repeated name."""
    return json.loads(
        text, parse_float=Decimal, object_pairs_hook=lambda pairs: sorted(pairs, key=lambda pair: pair[0])
    )


def _render(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False)  # a third of the bytes, which stores limit
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold only escaped
        return json.dumps(content)
    return text


def _parse(content: Any) -> Any:
    if not isinstance(content, str) or not content.lstrip().startswith("{"):
        return content
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content
