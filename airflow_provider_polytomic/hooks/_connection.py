"""Settings of an Airflow connection: checked, frozen, and with hidden secrets."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit

from airflow_provider_polytomic._support.base_url import parse_base_url
from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._auth import BasicAuth, BearerAuth, KeyAuth

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_API_VERSION", "DEFAULT_TIMEOUT", "ConnectionFields", "ConnectionSettings", "base_url_from"]

# Always sent, because the servers' default changed over time (apidocs.polytomic.com, guides/versioning).
DEFAULT_API_VERSION = "2025-09-18"
DEFAULT_TIMEOUT = 30.0  # seconds
_MAX_TIMEOUT = 600.0


class _AirflowConnection(Protocol):
    """Fields of ``airflow.models.Connection`` and ``airflow.sdk.Connection``."""

    conn_type: str | None
    host: str | None
    schema: str | None
    port: int | None
    login: str | None
    password: str | None
    extra: str | None


@dataclass(frozen=True)
class ConnectionFields:
    """Fields of an Airflow connection, not checked. Unlike Airflow's own object, the ``repr`` hides the secrets.

    :param key: the password; None if it is missing or cannot be a key.
    :param extra: the extra fields; None if they are not a JSON object.
    """

    host: str | None = field(repr=False)
    schema: str | None
    port: int | None
    login: str | None = field(repr=False)
    key: ApiKey | None
    extra: Mapping[str, Any] | None = field(repr=False)
    conn_type: str | None = None

    @classmethod
    @strip_traceback
    def from_connection(cls, connection: _AirflowConnection) -> Self:
        """Read the connection. Nothing is checked here, so no error is raised where the secrets are plain text."""
        return cls(
            host=connection.host,
            schema=connection.schema,
            port=connection.port,
            login=connection.login or None,
            key=_key_or_none(connection.password),
            extra=_extra_or_none(connection.extra),
            conn_type=connection.conn_type,
        )


@dataclass(frozen=True)
class ConnectionSettings:
    """Server, credential and options of all requests.

    :param base_url: the server, such as ``https://app.polytomic.com``.
    :param key: the credential.
    :param login: the id of the organization that Basic sends with the key; None for Bearer.
    :param api_version: ``YYYY-MM-DD``.
    :param timeout: seconds for one request.
    :param verify: whether to check the certificate, or the path of the certificates to trust.
    :param proxy: URL of a proxy, which can contain a password; None to use the environment's proxy.
    """

    base_url: str
    key: ApiKey
    login: str | None = None
    api_version: str = DEFAULT_API_VERSION
    timeout: float = DEFAULT_TIMEOUT
    verify: bool | str = True
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, conn_id: str, fields: ConnectionFields, *, key: ApiKey | None = None) -> Self:
        """Check the fields.

        :param conn_id: the connection's id, for errors.
        :param key: a key to send as Bearer instead of the password.
        :raises PolytomicConfigurationError: if a field is invalid, or there is no key.
        """
        base_url = base_url_from(conn_id, fields)
        extra = _Extra(conn_id, fields)
        credential = key or fields.key
        if credential is None:
            raise _error(conn_id, "its password is empty or is not an API key", "password")
        return cls(
            base_url=base_url,
            key=credential,
            login=None if key is not None else _check_login(conn_id, fields.login),
            api_version=extra.matching("api_version", r"\d{4}-\d{2}-\d{2}", "a date, YYYY-MM-DD")
            or DEFAULT_API_VERSION,
            timeout=extra.seconds("timeout", DEFAULT_TIMEOUT),
            verify=_read_verify(conn_id, extra),
            proxy=_read_proxy(conn_id, extra),
        )

    def signature(self) -> KeyAuth:
        """Return the authentication of requests."""
        if self.login is None:
            return BearerAuth(self.base_url, self.key)
        return BasicAuth(self.base_url, self.key, self.login)


def base_url_from(conn_id: str, fields: ConnectionFields) -> str:
    """Return the base URL of a connection, which needs no key.

    :raises PolytomicConfigurationError: if the host, schema and port name no server that a key may be sent to.
    """
    allow_http = _Extra(conn_id, fields).boolean("allow_http", default=False)
    base_url, problem = parse_base_url(fields.host, fields.schema, fields.port, allow_http=allow_http)
    if base_url is None:
        raise _error(conn_id, f"its host {problem}", "host")
    return base_url


class _Extra:
    """Extra fields of a connection, read by type. An empty field counts as absent: forms store empty fields."""

    def __init__(self, conn_id: str, fields: ConnectionFields) -> None:
        if fields.extra is None:
            raise _error(conn_id, "its extra is not a JSON object", "extra")
        self._conn_id = conn_id
        self._values = fields.extra

    def string(self, name: str) -> str:
        value = self._values.get(name)
        return "" if value is None else str(value).strip()

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self.string(name).lower()
        if value not in ("", "true", "false"):
            raise _error(self._conn_id, f"its extra {name!r} must be true or false", name)
        return default if not value else value == "true"

    def seconds(self, name: str, default: float) -> float:
        try:
            value = float(self.string(name) or default)
        except ValueError:
            value = math.nan
        if not 0 < value <= _MAX_TIMEOUT:  # false for nan too
            raise _error(
                self._conn_id, f"its extra {name!r} must be a number of seconds, at most {_MAX_TIMEOUT:.0f}", name
            )
        return value

    def matching(self, name: str, pattern: str, description: str) -> str:
        if self.string(name) and not re.fullmatch(pattern, self.string(name), re.ASCII):
            raise _error(self._conn_id, f"its extra {name!r} must be {description}", name)
        return self.string(name)


def _check_login(conn_id: str, login: str | None) -> str | None:
    if login is not None and (":" in login or not login.isascii() or not login.isprintable()):
        raise _error(conn_id, "its login cannot be sent with Basic authentication; use an organization id", "login")
    return login


def _read_verify(conn_id: str, extra: _Extra) -> bool | str:
    verify, bundle = extra.boolean("verify", default=True), extra.string("ca_bundle")
    if bundle and not verify:
        raise _error(conn_id, "it sets 'ca_bundle' but turns off 'verify'", "ca_bundle", "verify")
    if bundle and not _exists(bundle):
        raise _error(
            conn_id, f"its extra 'ca_bundle' is {bundle!r:.200}, which does not exist on this machine", "ca_bundle"
        )
    return bundle or verify


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long, or a null byte
        return False


def _read_proxy(conn_id: str, extra: _Extra) -> str | None:
    if extra.string("proxy") and not _is_proxy(extra.string("proxy")):
        raise _error(
            conn_id,
            "its extra 'proxy' must be a URL such as http://proxy.example.com:3128 (hidden: it may contain a password)",
            "proxy",
        )
    return extra.string("proxy") or None


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _key_or_none(password: str | None) -> ApiKey | None:
    try:
        return ApiKey((password or "").strip())
    except ValueError:
        return None


def _extra_or_none(extra_json: str | None) -> Mapping[str, Any] | None:
    try:
        extra = json.loads(extra_json) if extra_json and extra_json.strip() else {}
    except (ValueError, RecursionError):
        return None
    return extra if isinstance(extra, dict) else None


def _error(conn_id: str, problem: str, *fields: str) -> PolytomicConfigurationError:
    return PolytomicConfigurationError(
        f"The connection {conn_id!r} cannot be used: {problem}.",
        "Correct the connection.",
        reason="connection_invalid",
        fields=fields,
    )
