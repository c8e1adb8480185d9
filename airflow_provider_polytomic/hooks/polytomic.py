"""How does a task talk to Polytomic? With an Airflow connection, through a typed method for each endpoint."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_polytomic._airflow.connection_form import connection_form_widgets, ui_field_behaviour
from airflow_provider_polytomic._airflow.masking import mask_secret
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic._support.base_url import read_server
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic._support.text import one_line
from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.hooks._client import Client
from airflow_provider_polytomic.hooks._connection import ConnectionFields, ConnectionSettings, base_url_from
from airflow_provider_polytomic.hooks._http_hook import RestrictedHttpHook
from airflow_provider_polytomic.hooks._organizations import OrganizationEndpoints
from airflow_provider_polytomic.hooks._payload import read_key, read_one
from airflow_provider_polytomic.hooks._retry import RetryPolicy, never
from airflow_provider_polytomic.hooks._roles import RoleEndpoints
from airflow_provider_polytomic.hooks._users import UserEndpoints
from airflow_provider_polytomic.models import Identity
from airflow_provider_polytomic.secret_stores.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["PolytomicHook"]


class PolytomicHook(OrganizationEndpoints, UserEndpoints, RoleEndpoints, RestrictedHttpHook):
    """Polytomic's API with the credential of an Airflow connection.

    The connection is read at the first use, not when the hook is made. Requests go over one pooled session; GETs are
    repeated, and so are POSTs under their Idempotency-Key, within ``retry_for``. Errors are those of
    :mod:`airflow_provider_polytomic.exceptions`.

    :param polytomic_conn_id: a connection of type ``polytomic``. Its password is the key; a login makes it Basic. For
        a key that is stored elsewhere: :meth:`for_destination`.
    :param retry_for: seconds that one call may take, waits included.
    :param pool_size: connections kept open, for as many threads.
    :param stopping: once true, nothing is repeated any more.
    :param on_rate_limited: told of each 429, by the thread that got it, with the seconds that its ``Retry-After`` asks
        for, 0 where it has none.
    """

    conn_name_attr = "polytomic_conn_id"
    default_conn_name = "polytomic_default"
    conn_type = "polytomic"
    hook_name = "Polytomic"

    def __init__(
        self,
        polytomic_conn_id: str = default_conn_name,
        *,
        retry_for: float = 60.0,
        pool_size: int = 10,
        stopping: Callable[[], bool] = lambda: False,
        on_rate_limited: Callable[[float], None] = lambda _seconds: None,
        _clock: Clock | None = None,
    ) -> None:
        if not (math.isfinite(retry_for) and retry_for > 0):
            raise PolytomicConfigurationError(
                "retry_for must be a number of seconds above 0.", reason="not_a_duration", fields=("retry_for",)
            )
        super().__init__(method="GET", http_conn_id=polytomic_conn_id, tcp_keep_alive=False)
        self.polytomic_conn_id = polytomic_conn_id
        self._destination: Destination | None = None
        self._server: str | None = None
        self._pool_size = pool_size
        self._policy = RetryPolicy(
            retry_for,
            tell=self._tell_of_repeat,
            stopping=stopping,
            rate_limited=on_rate_limited,
            clock=_clock or Clock(),
        )

    @classmethod
    def for_destination(
        cls, destination: str, *, server: str | None = None, retry_for: float = 60.0, pool_size: int = 10
    ) -> Self:
        """Return a hook that sends the key which is stored at a destination, to the server that issued it.

        Nothing is read before the first use.

        :param destination: such as ``airflow://variable/acme``. ``airflow://connection/<conn_id>`` means this
            connection with all of its fields.
        :param server: the server that issued the key: its base URL, or the id of a ``polytomic`` connection to it,
            whose timeout, certificates and proxy are used as well. Required unless the destination is a connection,
            which names its own server. If it is given for a connection, both must be the same server.
        :param retry_for: as for the hook itself.
        :param pool_size: as for the hook itself.
        :raises PolytomicConfigurationError: if the destination is invalid, or ``server`` is missing.
        """
        parsed = Destination.parse(destination)
        if _is_connection(parsed):
            conn_id = parsed.name
        elif server is None:
            raise PolytomicConfigurationError(
                f"{parsed} does not say which server issued its key, and a key is sent to no other.",
                "Give server: its base URL, or the id of a connection to it.",
                reason="server_missing",
                fields=("server",),
            )
        else:
            conn_id = "" if _is_url(server) else server
        hook = cls(conn_id, retry_for=retry_for, pool_size=pool_size)
        hook._destination, hook._server = parsed, server
        return hook

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the form of Airflow 2.11; later versions read the provider metadata."""
        return ui_field_behaviour()

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form fields of Airflow 2.11; later versions read the provider metadata."""
        return connection_form_widgets()

    @cached_property
    def settings(self) -> ConnectionSettings:
        """What the connection says, read and checked once.

        :raises PolytomicConfigurationError: if it is missing or cannot be meant.
        """
        if self._destination is not None and not _is_connection(self._destination):
            return self._settings_with_key_at(self._destination, self._server or "")
        settings = ConnectionSettings.parse(self.polytomic_conn_id, self._read(self.polytomic_conn_id))
        if self._server is not None and self._url_of(self._server) != settings.base_url:
            raise PolytomicConfigurationError(
                f"The connection {self.polytomic_conn_id!r} is to {settings.base_url}, which is not the given server, "
                "and a key is sent to no other.",
                "Correct the connection or server.",
                reason="server_mismatch",
                fields=("server",),
            )
        return settings

    @property
    def base_url(self) -> str:
        """The server, such as ``https://app.polytomic.com``: scheme and host in lower case, no slash at the end."""
        return self.settings.base_url

    @base_url.setter
    def base_url(self, _value: str) -> None:
        """Ignore what HttpHook assigns when it is made: the connection tells."""

    def create_api_key(self, org_id: str, user_id: str, *, force: bool = False, idempotency_key: str) -> ApiKey:
        """Issue a key for a user: ``POST /api/organizations/{org_id}/users/{user_id}/keys``; needs a partner key.

        Source: apidocs.polytomic.com, 2025-09-18, users/create-api-key. The key is shown this once; by the guide on
        idempotent requests the same Idempotency-Key gets the same outcome, errors included, for at least 24 hours.

        :param force: revoke the user's key first.
        :param idempotency_key: 8 to 255 letters, digits, hyphens, underscores.
        :raises PolytomicConflictError: if a request with this Idempotency-Key stays in flight, or (without ``force``)
            a key may exist.
        :raises PolytomicServerError: on Polytomic's own 500, at once: it may be a recorded one.
        """
        target = Target.parse(org_id, user_id)
        path = f"/api/organizations/{target.org_id}/users/{target.user_id}/keys"
        answer = self._client.post(
            path, params={"force": "true" if force else "false"}, idempotency_key=idempotency_key
        )
        return read_key(answer, f"POST {path}")

    def get_identity(self, api_key: ApiKey | None = None, *, patience: float | None = None) -> Identity:
        """Tell who a key belongs to: ``GET /api/me`` (2025-09-18, identity/get).

        :param api_key: the key to ask about, sent as Bearer; None for the caller's own credential.
        :param patience: seconds that the call may take, if fewer than ``retry_for``.
        """
        return read_one(Identity, self._client.get("/api/me", key=api_key, patience=patience), "GET /api/me")

    def is_own_key(self, api_key: ApiKey) -> bool:
        """Whether this is the caller's own credential, compared in constant time."""
        return self.settings.key.matches(api_key)

    def server_time(self) -> datetime:
        """Return the time by Polytomic's clock: the ``Date`` of its last answer, and what has passed since.

        Asks for an answer (``GET /api/me``) where there was none yet.
        """
        return self._client.server_time()

    def test_connection(self) -> tuple[bool, str]:
        """Ask once who the key belongs to.

        :returns: whether it answered, and one sentence: what kind of key, for whom, and whether it can issue keys.
        """
        try:
            identity = read_one(Identity, self._client.get("/api/me", repeat=never), "GET /api/me")
        except PolytomicError as error:
            return False, str(error)
        return True, _describe_identity(identity)

    def close(self) -> None:
        """Close the pooled connections; the next call opens new ones."""
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> Client:
        source = f"the connection {self.polytomic_conn_id!r}" if self._destination is None else str(self._destination)
        return Client(self.settings, source, self._policy, self._pool_size)

    def _read(self, conn_id: str) -> ConnectionFields:
        try:
            fields = _fields_of(self.get_connection, conn_id)
        except AirflowNotFoundException:
            error = PolytomicConfigurationError(
                f"Airflow finds no connection {conn_id!r}, or cannot read the one it finds (it may be broken JSON).",
                "Create or repair it: type 'polytomic', password the API key.",
                reason="connection_missing",
            )
        else:
            if fields.conn_type in {None, "", self.conn_type}:
                return fields
            error = PolytomicConfigurationError(
                f"The connection {conn_id!r} is of type {fields.conn_type!r:.40}, not 'polytomic'; its password is not "
                "sent to Polytomic.",
                "Name a connection of type 'polytomic'.",
                reason="connection_of_other_type",
            )
        # Outside the except block, as the other exception's frames have no business in this one's context.
        raise error

    def _settings_with_key_at(self, destination: Destination, server: str) -> ConnectionSettings:
        if _is_url(server):
            base_url = _checked_url(server, allow_http=False)
            return ConnectionSettings(base_url, key=self._key_at(destination, issuer=base_url))
        fields = self._read(server)
        key = self._key_at(destination, issuer=base_url_from(server, fields))
        return ConnectionSettings.parse(server, fields, key=key)

    def _url_of(self, server: str) -> str:
        return _checked_url(server, allow_http=True) if _is_url(server) else base_url_from(server, self._read(server))

    def _key_at(self, destination: Destination, *, issuer: str) -> ApiKey:
        # Imported here: most hooks never open a store.
        from airflow_provider_polytomic.secret_stores.factory import open_store

        # A reader does not need the connection that writes.
        reading = replace(destination, conn_id=None) if destination.scheme == "airflow" else destination
        store = open_store(reading, issuer=issuer)
        key = store.read_back()
        if key is None:
            raise PolytomicConfigurationError(
                f"{destination} holds no key.", "Issue one to it first.", reason="destination_empty"
            )
        # Airflow masks a connection's password by itself, but not what a backend returns for anything else.
        mask_secret(key)
        return key

    def _tell_of_repeat(self, error: PolytomicError, seconds: float) -> None:
        self.log.info("Trying again in %.1f s. %s", seconds, error)


def _is_connection(destination: Destination) -> bool:
    return destination.scheme == "airflow" and destination.kind == "connection"


def _is_url(server: str) -> bool:
    return "://" in server


def _checked_url(server: str, *, allow_http: bool) -> str:
    base_url, problem = read_server(server, allow_http=allow_http)
    if base_url is None:
        raise PolytomicConfigurationError(
            f"The given server cannot be used: its host {problem}.",
            "Correct it, or give the id of a connection to it.",
            reason="server_invalid",
            fields=("server",),
        )
    return base_url


def _describe_identity(identity: Identity) -> str:
    organization = one_line(identity.organization_name or identity.organization_id or "", 100)
    owner = f" of {organization}" if organization else ""
    cannot = "cannot issue keys: that takes a partner key."
    if identity.is_partner:
        return f"Partner key{owner}; can issue keys."
    if identity.is_user:
        user = one_line(identity.email or identity.id or "an unnamed user", 100)
        return f"User key of {user}{f' in {organization}' if organization else ''}; {cannot}"
    if identity.is_organization:
        return f"Organization key{owner}; {cannot}"
    kind = "System key" if identity.is_system else "A key of an unknown kind"
    return f"{kind}{owner}; whether it can issue keys is not documented."


@strip_traceback
def _fields_of(get_connection: Callable[[str], Any], conn_id: str) -> ConnectionFields:
    """Read a connection; a time-out in the look-up would carry what the backend had read, of all customers perhaps."""
    return ConnectionFields.of(get_connection(conn_id))
