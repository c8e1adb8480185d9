"""Hook for the Polytomic API, with a typed method for each endpoint."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_polytomic._airflow.connection_form import connection_form_widgets, ui_field_behaviour
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic._support.ids import parse_conn_id, parse_uuid
from airflow_provider_polytomic._support.retry import RetryPolicy
from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.hooks._client import Client
from airflow_provider_polytomic.hooks._connection import ConnectionFields, ConnectionSettings
from airflow_provider_polytomic.hooks._http_hook import RestrictedHttpHook
from airflow_provider_polytomic.hooks._organizations import OrganizationEndpoints
from airflow_provider_polytomic.hooks._payload import read_key, read_one
from airflow_provider_polytomic.hooks._retry import never_retry
from airflow_provider_polytomic.hooks._roles import RoleEndpoints
from airflow_provider_polytomic.hooks._stored_key import StoredKey
from airflow_provider_polytomic.hooks._users import UserEndpoints
from airflow_provider_polytomic.models import Identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["PolytomicHook"]


class PolytomicHook(OrganizationEndpoints, UserEndpoints, RoleEndpoints, RestrictedHttpHook):
    """Hook for the Polytomic API with the credential of an Airflow connection.

    The connection is read at the first use, not when the hook is created. All requests share one pool of connections.
    A request is repeated within ``retry_for``; a POST always with the same Idempotency-Key. All errors are in
    :mod:`airflow_provider_polytomic.exceptions`.

    :param polytomic_conn_id: a connection of type ``polytomic``. Its password is the key. With a login, the key is sent
        as Basic. For a key that is stored elsewhere, use :meth:`for_destination`.
    :param retry_for: seconds that one call may take, waits included.
    :param pool_size: number of connections to keep open, one for each thread.
    :param stopping: returns true once no request may be repeated.
    :param on_rate_limited: called for each 429, in the thread that received it, with the seconds of its
        ``Retry-After``, or 0 without one.
    :param clock: the time and the waits between repetitions; for tests, and for waits that must end early.
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
        clock: Clock | None = None,
    ) -> None:
        if not (isinstance(retry_for, (int, float)) and 0 < retry_for <= sys.float_info.max):
            raise PolytomicConfigurationError(
                "retry_for must be a number of seconds above 0.", reason="not_a_duration", fields=("retry_for",)
            )
        super().__init__(method="GET", http_conn_id=polytomic_conn_id, tcp_keep_alive=False)
        self.polytomic_conn_id = polytomic_conn_id
        self._stored_key: StoredKey | None = None
        self._pool_size = pool_size
        self._policy = RetryPolicy(
            retry_for,
            on_retry=self._log_retry,
            stopping=stopping,
            on_rate_limited=on_rate_limited,
            clock=clock or Clock(),
        )

    @classmethod
    def for_destination(
        cls, destination: str, *, server: str | None = None, retry_for: float = 60.0, pool_size: int = 10
    ) -> Self:
        """Return a hook that sends the key stored at a destination to the server that issued it.

        The key is read at the first use.

        :param destination: such as ``airflow://variable/acme``. ``airflow://connection/<conn_id>`` uses all fields of
            that connection.
        :param server: the server that issued the key: its base URL, or the id of a ``polytomic`` connection to it,
            whose timeout, certificates and proxy are used as well. Required unless the destination is a connection,
            which names its own server. If it is given for a connection, both must be the same server.
        :param retry_for: as for the hook itself.
        :param pool_size: as for the hook itself.
        :raises PolytomicConfigurationError: if the destination is invalid, or ``server`` is missing.
        """
        stored_key = StoredKey.parse(destination, server)
        hook = cls(stored_key.conn_id, retry_for=retry_for, pool_size=pool_size)
        hook._stored_key = stored_key
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
        """The connection's settings, read and checked once.

        :raises PolytomicConfigurationError: if the connection is missing or invalid.
        """
        if self._stored_key is not None:
            return self._stored_key.settings(self._read)
        return ConnectionSettings.parse(self.polytomic_conn_id, self._read(self.polytomic_conn_id))

    @property
    def base_url(self) -> str:
        """The server's URL, such as ``https://app.polytomic.com``: in lower case and without a trailing slash."""
        return self.settings.base_url

    @base_url.setter
    def base_url(self, _value: str) -> None:
        """Ignore the value that HttpHook assigns: the URL comes from the connection."""

    def create_api_key(self, org_id: str, user_id: str, *, force: bool = False, idempotency_key: str) -> ApiKey:
        """Issue a key for a user: ``POST /api/organizations/{org_id}/users/{user_id}/keys``; needs a partner key.

        Source: apidocs.polytomic.com, 2025-09-18, users/create-api-key. Polytomic shows the key only once. According to
        the guide on idempotent requests, the same Idempotency-Key returns the same outcome, errors included, for at
        least 24 hours.

        :param force: revoke the user's existing key first.
        :param idempotency_key: 8 to 255 letters, digits, hyphens and underscores.
        :raises PolytomicConflictError: if a request with this Idempotency-Key stays in flight, or (without ``force``)
            a key may exist.
        :raises PolytomicServerError: if Polytomic itself answers 500. It is not repeated: it may be a recorded error.
        """
        path = f"/api/organizations/{parse_uuid('org_id', org_id)}/users/{parse_uuid('user_id', user_id)}/keys"
        response = self._client.post(
            path, params={"force": "true" if force else "false"}, idempotency_key=idempotency_key
        )
        return read_key(response, f"POST {path}")

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        """Return the owner of a key: ``GET /api/me`` (2025-09-18, identity/get).

        :param api_key: the key, sent as Bearer; None for the connection's own credential.
        :param retry_for: seconds that the call may take, if fewer than the hook's.
        """
        return read_one(Identity, self._client.get("/api/me", key=api_key, retry_for=retry_for), "GET /api/me")

    def is_own_key(self, api_key: ApiKey) -> bool:
        """Return whether this is the connection's own key; the comparison takes constant time."""
        return self.settings.key.matches(api_key)

    def server_time(self) -> datetime:
        """Return the time by Polytomic's clock: the ``Date`` of its last response plus the time since then.

        Sends ``GET /api/me`` if there was no response yet.
        """
        return self._client.server_time()

    def test_connection(self) -> tuple[bool, str]:
        """Request the owner of the key once.

        :returns: whether the request succeeded, and the owner of the key (``Identity.describe``) or the error.
        """
        try:
            identity = read_one(Identity, self._client.get("/api/me", should_retry=never_retry), "GET /api/me")
        except PolytomicError as error:
            return False, str(error)
        return True, identity.describe()

    def close(self) -> None:
        """Close the pool of connections; the next call opens new ones."""
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> Client:
        stored_key = self._stored_key
        place = f"the connection {self.polytomic_conn_id!r}" if stored_key is None else str(stored_key.destination)
        return Client(self.settings, f"the key in {place}", self._policy, self._pool_size)

    def _read(self, conn_id: str) -> ConnectionFields:
        parse_conn_id("polytomic_conn_id" if self._stored_key is None else "server", conn_id)
        try:
            fields = _read_fields(self.get_connection, conn_id)
        except AirflowNotFoundException:
            error = PolytomicConfigurationError(
                f"Airflow has no connection {conn_id!r}, or cannot read it (its JSON may be broken).",
                "Create or repair it: type 'polytomic', with the API key as the password.",
                reason="connection_missing",
            )
        else:
            if fields.conn_type in {None, "", self.conn_type}:
                return fields
            error = PolytomicConfigurationError(
                f"The connection {conn_id!r} is of type {fields.conn_type!r:.40}, not 'polytomic', so its password is "
                "not sent to Polytomic.",
                "Use a connection of type 'polytomic'.",
                reason="connection_of_other_type",
            )
        # Outside the except block, so that the error's context does not carry the frames of the other exception.
        raise error

    def _log_retry(self, error: PolytomicError, seconds: float) -> None:
        self.log.info("Retrying in %.1f s (%s).\n%s", seconds, type(error).__name__, error)


@strip_traceback
def _read_fields(get_connection: Callable[[str], Any], conn_id: str) -> ConnectionFields:
    """Read a connection, without the frames of the backend in an exception: they may hold every customer's secrets."""
    return ConnectionFields.from_connection(get_connection(conn_id))
