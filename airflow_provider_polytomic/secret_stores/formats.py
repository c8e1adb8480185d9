"""In which form is a key in the content of a secret? A connection's password, one field of several, or all of it."""

from __future__ import annotations

import json
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

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["ConnectionFormat", "FieldFormat", "JsonFormat", "SecretFormat", "TextFormat"]


class SecretFormat(Protocol):
    """How a key is found in a content, and put into it. None is the content of a secret that is not there."""

    def read(self, content: Any) -> StoredSecret:
        """Say what is held; the version is a hash of the content."""

    def insert(self, content: Any, key: ApiKey) -> Any:
        """Return the content with the key in it; what else is in it stays."""

    def remove(self, content: Any) -> Any:
        """Return what is left without the key; None where nothing is, so that the secret goes whole.

        A content without a place for a key goes whole; one whose place is empty is returned as it is.
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
    """The key is all there is."""

    def read(self, content: Any) -> StoredSecret:
        """Read the text."""
        return read_string(content)

    def insert(self, content: Any, key: ApiKey) -> str:  # noqa: ARG002 (nothing is kept of it)
        """Return the key's text."""
        return key.reveal()

    def remove(self, content: Any) -> None:
        """Leave nothing."""


class FieldFormat:
    """The key is one field beside others, which stay.

    :param field: its name.
    """

    def __init__(self, field: str) -> None:
        self._field = field

    def read(self, content: Any) -> StoredSecret:
        """Read the field; a content without fields is somebody else's."""
        if content is None:
            return StoredSecret(value=None, version=ABSENT)
        if not isinstance(content, Mapping):
            return StoredSecret(value=None, version=hash_content(content), is_foreign=True)
        held = read_string(content.get(self._field))
        return StoredSecret(value=held.value, version=hash_content(content), is_foreign=held.is_foreign)

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
    """Another form, written as JSON text; a text that is no JSON object is given to it as it is.

    :param inner: the form of what the JSON says.
    """

    def __init__(self, inner: SecretFormat) -> None:
        self._inner = inner

    def read(self, content: Any) -> StoredSecret:
        """Read the JSON."""
        return self._inner.read(_parsed(content))

    def insert(self, content: Any, key: ApiKey) -> str:
        """Return new JSON.

        :raises SecretStoreConfigurationError: if what others keep in it would not be the same afterwards.
        """
        parsed = _parsed(content)
        _check_exact(content, parsed)
        return _rendered(self._inner.insert(parsed, key))

    def remove(self, content: Any) -> Any:
        """Return new JSON, or the same where nothing was taken out.

        :raises SecretStoreConfigurationError: if what others keep in it would not be the same afterwards.
        """
        parsed = _parsed(content)
        left = self._inner.remove(parsed)
        if left is None:
            return None
        if left is parsed:
            return content
        _check_exact(content, parsed)
        return _rendered(left)


def _check_exact(content: Any, parsed: Any) -> None:
    """Refuse a JSON of which writing would change more than the key.

    :raises SecretStoreConfigurationError: if it would.
    """
    if parsed is not content and _exactly(content) != _exactly(json.dumps(parsed)):
        raise SecretStoreConfigurationError(
            "The secret's JSON has numbers or repeated names that would not be the same after a key was put in or "
            "taken out. Nothing was changed. Write such numbers as text, and each name once.",
            reason="not_the_same_afterwards",
        )


def _exactly(text: str) -> Any:
    """Return what a JSON says with every digit and every repetition of a name."""
    return json.loads(
        text, parse_float=Decimal, object_pairs_hook=lambda pairs: sorted(pairs, key=lambda pair: pair[0])
    )


def _rendered(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False)  # a third of the bytes, of which stores allow so many
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair, which JSON can hold only escaped
        return json.dumps(content)
    return text


def _parsed(content: Any) -> Any:
    if not isinstance(content, str) or not content.lstrip().startswith("{"):
        return content
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content
