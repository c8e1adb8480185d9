"""The raw content of a secret: what it holds, and how a key is merged into a connection."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from airflow_provider_polytomic._airflow.connection_uri import parse_connection_uri
from airflow_provider_polytomic._support.base_url import parse_base_url
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.base import ABSENT, StoredSecret

__all__ = ["hash_content", "merge_key", "parse_key", "parse_record", "read_connection", "read_string"]

_CONN_TYPE = "polytomic"


def parse_key(text: object) -> ApiKey | None:
    """Return a string as a key; None if it cannot be one."""
    try:
        return ApiKey(text) if isinstance(text, str) else None
    except ValueError:
        return None


def parse_record(content: object, where: str) -> dict[str, str] | None:
    """Return the content as a record, whose values are all strings; None if there is no content.

    :param content: what was read, or its JSON; None: nothing.
    :param where: what it was read from.
    :raises SecretStoreConfigurationError: if it is not a record.
    """
    if content is None:
        return None
    if isinstance(content, (str, bytes)):
        with suppress(ValueError, RecursionError):
            content = json.loads(content)
    if isinstance(content, dict) and all(isinstance(value, str) for value in content.values()):
        return dict(content)
    raise SecretStoreConfigurationError(
        f"{where} is not an issuance record. Nothing was changed. Repair or delete it.", reason="no_record"
    )


def hash_content(content: object) -> str:
    """Return 128 bits of SHA-256 over the content, independent of the order of its fields.

    :raises SecretStoreConfigurationError: if its lists and objects are nested hundreds of levels deep.
    """
    try:
        canonical = json.dumps(_with_string_names(content), sort_keys=True, default=str)
    except RecursionError:
        raise SecretStoreConfigurationError(
            "The secret's content is nested too deeply to be read. Nothing was changed. Repair it.",
            reason="too_deep",
        ) from None
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def read_string(content: object) -> StoredSecret:
    """Return what a Variable holds; never as recognised, because a string does not identify itself as a key.

    :param content: the Variable's value; None if there is no Variable. A value that cannot be a key is foreign.
    """
    if content is None:
        return StoredSecret(value=None, version=ABSENT)
    key = parse_key(content)
    return StoredSecret(value=key, version=hash_content(content), is_foreign=key is None and content != "")


def read_connection(content: Mapping[str, Any] | str | None, *, issuer: str) -> StoredSecret:
    """Return what a connection holds.

    :param content: the connection's fields, or its URI; None if there is no connection.
    :param issuer: base URL of the Polytomic server that issues; only a ``polytomic`` connection to it is recognised.
    """
    if content is None:
        return StoredSecret(value=None, version=ABSENT)
    version = hash_content(content)
    fields = _parse_fields(content)
    if fields is None or fields.get("conn_type") != _CONN_TYPE:
        return StoredSecret(value=None, version=version, is_foreign=True)
    if not fields.get("password"):
        return StoredSecret(value=None, version=version)
    # Another server's key is neither sent to this one nor replaced.
    key = parse_key(str(fields["password"]).strip()) if _is_same_server(fields, issuer) else None
    return StoredSecret(value=key, version=version, is_foreign=key is None, is_recognised=key is not None)


def merge_key(content: Mapping[str, Any] | str | None, key: ApiKey, *, issuer: str) -> dict[str, Any]:
    """Return the connection's fields with the key as its password, in the form that every backend reads.

    Description and extra fields stay. Of a connection of another type only the description does: its port or extra
    fields would mean something else here. A login never stays, because with a login the key would be sent as Basic
    instead of Bearer.

    :raises SecretStoreConfigurationError: if its extra fields are not a JSON object.
    """
    merged = dict(_parse_fields(content) or {}) if content is not None else {}
    if merged.get("conn_type") != _CONN_TYPE:
        kept = {"description": merged["description"]} if merged.get("description") else {}
        merged = {"conn_type": _CONN_TYPE, "host": issuer, **kept}
    if not _is_same_server(merged, issuer):
        merged = {name: value for name, value in merged.items() if name not in {"port", "schema"}} | {"host": issuer}
    merged.pop("login", None)
    merged["password"] = key.reveal()
    return _fit_extra(merged, issuer)


def _is_same_server(fields: Mapping[str, Any], issuer: str) -> bool:
    """Whether the hook, reading these fields, would send the key to the server that issues."""
    host, schema = fields.get("host") or None, fields.get("schema") or None
    try:
        port = int(fields.get("port") or 0) or None
    except (OverflowError, TypeError, ValueError):  # Infinity, a list, a word
        return False
    if not all(isinstance(text, str) for text in (host, schema) if text is not None):
        return False
    server, _ = parse_base_url(host, schema, port, allow_http=True)
    return server is not None and server == parse_base_url(issuer, allow_http=True)[0]


def _parse_fields(content: Mapping[str, Any] | str) -> dict[str, Any] | None:
    """Return a connection's fields; None if Airflow itself could not read it."""
    if isinstance(content, str):
        return parse_connection_uri(content)
    if not isinstance(content, Mapping):
        return None
    fields = dict(content)
    uri = fields.pop("uri", None)  # a parameter of Connection, and so a legal field
    if uri is None:
        return fields
    parsed = parse_connection_uri(uri) if isinstance(uri, str) else None
    return None if parsed is None else {**fields, **parsed}


def _fit_extra(fields: dict[str, Any], issuer: str) -> dict[str, Any]:
    """Change only the extra fields that would keep the hook from sending this key to this server."""
    name = "extra_dejson" if "extra_dejson" in fields else "extra"
    extra = fields.get(name) or {}
    try:
        parsed = json.loads(extra) if isinstance(extra, str) else dict(extra)
    except (RecursionError, TypeError, ValueError):
        parsed = None
    if not isinstance(parsed, dict):
        raise SecretStoreConfigurationError(
            "The connection's extra fields are not a JSON object, so the key cannot be merged into it. The connection "
            "is unchanged. Correct its extra fields.",
            reason="extra_is_no_object",
            fields=["extra"],
        )
    fitted = dict(parsed)
    if parse_base_url(issuer)[0] is None:  # plain http to a host that is not this machine
        fitted["allow_http"] = True
    if fitted == parsed:
        return fields
    return {**fields, name: json.dumps(fitted) if isinstance(extra, str) else fitted}


def _with_string_names(content: object) -> object:
    """Return the content with names that JSON can sort: in YAML they may be dates, numbers and strings side by side."""
    if isinstance(content, Mapping):
        return {str(name): _with_string_names(value) for name, value in content.items()}
    return [_with_string_names(value) for value in content] if isinstance(content, list) else content
