"""What does an Airflow connection say? One frozen, checked set of settings, its secrets kept from view."""

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

# The default of servers changed over time (apidocs.polytomic.com, guides/versioning), so it is always sent.
DEFAULT_API_VERSION = "2025-09-18"
DEFAULT_TIMEOUT = 30.0  # seconds
_MAX_TIMEOUT = 600.0


class _AirflowConnection(Protocol):
    """The fields read of ``airflow.models.Connection`` or ``airflow.sdk.Connection``."""

    conn_type: str | None
    host: str | None
    schema: str | None
    port: int | None
    login: str | None
    password: str | None
    extra: str | None


@dataclass(frozen=True)
class ConnectionFields:
    """An Airflow connection as it was found, its secrets out of view: Airflow's own object shows them in its ``repr``.

    :param key: the password, or None where it is missing or could not be a key.
    :param extra: the extra fields; None where they are not a JSON object.
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
    def of(cls, connection: _AirflowConnection) -> Self:
        """Read the connection; nothing is judged here, so that no error comes from where the plain text is."""
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
    """Where to send requests, and how.

    :param base_url: the server, such as ``https://app.polytomic.com``.
    :param key: the caller's credential.
    :param login: the organization id that Basic sends with the key; None for Bearer.
    :param api_version: ``YYYY-MM-DD``.
    :param timeout: seconds for one request.
    :param verify: whether the certificate is checked, or the path of the certificates to trust.
    :param proxy: URL of a proxy, perhaps with a password; None for what the environment says.
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

        :param conn_id: what the connection is called in errors.
        :param key: a key from elsewhere: it takes the place of the password and is sent as Bearer.
        :raises PolytomicConfigurationError: if a field is invalid, or there is no key.
        """
        base_url = base_url_from(conn_id, fields)
        extra = _Extra(conn_id, fields)
        credential = key or fields.key
        if credential is None:
            raise _error(conn_id, "its password is empty or no API key", "password")
        return cls(
            base_url=base_url,
            key=credential,
            login=None if key is not None else _checked_login(conn_id, fields.login),
            api_version=extra.matching("api_version", r"\d{4}-\d{2}-\d{2}", "a date, YYYY-MM-DD")
            or DEFAULT_API_VERSION,
            timeout=extra.seconds("timeout", DEFAULT_TIMEOUT),
            verify=_verify_of(conn_id, extra),
            proxy=_proxy_of(conn_id, extra),
        )

    def signature(self) -> KeyAuth:
        """Return what signs requests as the caller."""
        if self.login is None:
            return BearerAuth(self.base_url, self.key)
        return BasicAuth(self.base_url, self.key, self.login)


def base_url_from(conn_id: str, fields: ConnectionFields) -> str:
    """Return the base URL that a connection means, whether or not it holds a key.

    :raises PolytomicConfigurationError: if it means no server that a key may be sent to.
    """
    allow_http = _Extra(conn_id, fields).truth("allow_http", default=False)
    base_url, problem = parse_base_url(fields.host, fields.schema, fields.port, allow_http=allow_http)
    if base_url is None:
        raise _error(conn_id, f"its host {problem}", "host")
    return base_url


class _Extra:
    """The extra fields, each taken by its kind; an empty one counts as absent, as forms store them so."""

    def __init__(self, conn_id: str, fields: ConnectionFields) -> None:
        if fields.extra is None:
            raise _error(conn_id, "its extra is not a JSON object", "extra")
        self._conn_id = conn_id
        self._values = fields.extra

    def text(self, name: str) -> str:
        value = self._values.get(name)
        return "" if value is None else str(value).strip()

    def truth(self, name: str, *, default: bool) -> bool:
        word = self.text(name).lower()
        if word not in ("", "true", "false"):
            raise _error(self._conn_id, f"its extra {name!r} must be true or false", name)
        return default if not word else word == "true"

    def seconds(self, name: str, default: float) -> float:
        try:
            value = float(self.text(name) or default)
        except ValueError:
            value = math.nan
        if not 0 < value <= _MAX_TIMEOUT:  # false for nan too
            raise _error(
                self._conn_id, f"its extra {name!r} must be a number of seconds, at most {_MAX_TIMEOUT:.0f}", name
            )
        return value

    def matching(self, name: str, pattern: str, meaning: str) -> str:
        if self.text(name) and not re.fullmatch(pattern, self.text(name), re.ASCII):
            raise _error(self._conn_id, f"its extra {name!r} must be {meaning}", name)
        return self.text(name)


def _checked_login(conn_id: str, login: str | None) -> str | None:
    if login is not None and (":" in login or not login.isascii() or not login.isprintable()):
        raise _error(conn_id, "its login cannot be sent with Basic authentication; give an organization id", "login")
    return login


def _verify_of(conn_id: str, extra: _Extra) -> bool | str:
    verify, bundle = extra.truth("verify", default=True), extra.text("ca_bundle")
    if bundle and not verify:
        raise _error(conn_id, "it names a 'ca_bundle' but turns 'verify' off", "ca_bundle", "verify")
    if bundle and not Path(bundle).exists():
        raise _error(
            conn_id, f"its extra 'ca_bundle' names {bundle!r:.200}, which does not exist on this machine", "ca_bundle"
        )
    return bundle or verify


def _proxy_of(conn_id: str, extra: _Extra) -> str | None:
    if extra.text("proxy") and not _is_proxy(extra.text("proxy")):
        raise _error(
            conn_id,
            "its extra 'proxy' must be a URL such as http://proxy.example.com:3128 (not shown: it may hold a password)",
            "proxy",
        )
    return extra.text("proxy") or None


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _key_or_none(text: str | None) -> ApiKey | None:
    try:
        return ApiKey((text or "").strip())
    except ValueError:
        return None


def _extra_or_none(text: str | None) -> Mapping[str, Any] | None:
    try:
        extra = json.loads(text) if text and text.strip() else {}
    except (ValueError, RecursionError):
        return None
    return extra if isinstance(extra, dict) else None


def _error(conn_id: str, what: str, *fields: str) -> PolytomicConfigurationError:
    return PolytomicConfigurationError(
        f"The connection {conn_id!r} cannot be used: {what}.",
        "Correct the connection.",
        reason="connection_invalid",
        fields=fields,
    )
