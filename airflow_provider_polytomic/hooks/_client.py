"""HTTP client for the Polytomic API: one session, one retry policy, one mapping of errors."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests

from airflow_provider_polytomic import __version__
from airflow_provider_polytomic.exceptions import (
    PolytomicApiError,
    PolytomicConfigurationError,
    PolytomicConflictError,
    PolytomicConnectionError,
    PolytomicError,
    PolytomicNotFoundError,
    PolytomicServerError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.hooks._adapter import LimitedAdapter
from airflow_provider_polytomic.hooks._auth import BasicAuth, BearerAuth
from airflow_provider_polytomic.hooks._errors import to_exception
from airflow_provider_polytomic.hooks._retry import should_retry_idempotent, should_retry_post
from airflow_provider_polytomic.hooks._transport import MAX_BODY, Request, Response, outcome_hint, send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from airflow_provider_polytomic._support.retry import RetryPolicy
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.hooks._auth import KeyAuth
    from airflow_provider_polytomic.hooks._connection import ConnectionSettings

__all__ = ["Client"]

# apidocs.polytomic.com, guides/idempotent-requests.
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{8,255}")
# After these errors the request may have taken effect, or may still take effect.
_OUTCOME_UNKNOWN = (PolytomicConnectionError, PolytomicUnavailableError, PolytomicServerError, PolytomicConflictError)


class Client:
    """Client for the Polytomic API with one credential.

    :param settings: the server, the credential, and how to send requests.
    :param source: the key and where it comes from, for error messages.
    :param policy: how requests are repeated, and for how long.
    :param pool_size: number of connections to keep open.
    """

    def __init__(self, settings: ConnectionSettings, source: str, policy: RetryPolicy, pool_size: int) -> None:
        self._settings = settings
        self._source = source
        self._policy = policy
        self._signature = settings.signature()
        self._served: tuple[datetime, float] | None = None
        self.session = _session(settings, pool_size)
        # For users of get_conn: their requests to this server are signed, too, and no others.
        self.session.auth = self._signature

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        key: ApiKey | None = None,
        within: str | None = None,
        should_retry: Callable[[PolytomicError], bool] = should_retry_idempotent,
        retry_for: float | None = None,
        max_bytes: int = MAX_BODY,
    ) -> Response:
        """Send a GET.

        :param key: a key to send as Bearer instead of the client's own credential.
        :param within: UUID of the organization to act in, sent as Basic with the client's own key.
        :param retry_for: seconds that the call may take, if fewer than the policy's.
        :param max_bytes: bytes of the response to read at most.
        :raises PolytomicError: if the response is not a success.
        """
        auth = self._sign(within) if key is None else BearerAuth(self._settings.base_url, key)
        source = "the key that was checked" if key else self._source
        request = self._request("GET", path, auth, params=params or {}, max_bytes=max_bytes)
        return self._send(request, source, should_retry, retry_for)

    def post(
        self,
        path: str,
        *,
        idempotency_key: str,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        within: str | None = None,
        should_retry: Callable[[PolytomicError], bool] = should_retry_post,
    ) -> Response:
        """Send a POST, and repeat it with the same Idempotency-Key.

        :param within: as in :meth:`get`.
        :raises PolytomicConfigurationError: if the Idempotency-Key is not 8 to 255 legal characters.
        :raises PolytomicError: if the response is not a success.
        """
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise PolytomicConfigurationError(
                "idempotency_key must be 8 to 255 letters, digits, hyphens and underscores.",
                "Correct it.",
                reason="idempotency_key_illegal",
                fields=("idempotency_key",),
            )
        headers = {"Idempotency-Key": idempotency_key}
        request = self._request("POST", path, self._sign(within), params=params or {}, headers=headers, json=json)
        return self._send(request, self._source, should_retry)

    def put(self, path: str, *, json: Mapping[str, Any], within: str | None = None) -> Response:
        """Send a PUT.

        :param within: as in :meth:`get`.
        :raises PolytomicAlreadyExistsError: on 409.
        :raises PolytomicError: if the response is not a success.
        """
        request = self._request("PUT", path, self._sign(within), json=json)
        return self._send(request, self._source, should_retry_idempotent)

    def delete(self, path: str, *, within: str | None = None) -> None:
        """Send a DELETE, without an Idempotency-Key, as the guide says.

        A 404 counts as a success if an earlier request of this call may have deleted the object.

        :param within: as in :meth:`get`.
        :raises PolytomicNotFoundError: if there is no such object.
        :raises PolytomicUnavailableError: if an earlier request may have deleted it, and the 404 is a proxy's.
        :raises PolytomicError: if the response is not a success.
        """
        try:
            self._send(self._request("DELETE", path, self._sign(within)), self._source, should_retry_idempotent)
        except PolytomicNotFoundError as error:
            if not error.earlier_outcome_unknown:
                raise
            is_gone = error.is_from_polytomic
        else:
            return
        # Outside the except block, so that the error's context does not carry the frames of the other exception.
        if not is_gone:
            raise PolytomicUnavailableError(
                f"DELETE {path}: an earlier request may have taken effect, and the 404 that followed is not "
                f"Polytomic's. {outcome_hint('DELETE')}",
                status=404,
                reason="removal_unsettled",
                request=f"DELETE {path}",
            )

    def server_time(self) -> datetime:
        """Return the time by the server's clock: the ``Date`` of its last response plus the time since then.

        If there was no response yet, a request is sent. A response without a ``Date`` counts as of this worker's time.

        :raises PolytomicConnectionError: if the request gets no response.
        """
        if self._served is None:
            with suppress(PolytomicApiError):  # an error response has a Date, too
                self.get("/api/me", should_retry=lambda error: isinstance(error, PolytomicConnectionError))
        served_at, seen_at = self._served or self._local_times()
        return served_at + timedelta(seconds=self._policy.clock.monotonic() - seen_at)

    def to_exception(self, response: Response, request: str) -> Exception:
        """Return the exception for a response that is not a success."""
        return to_exception(response, request, self._source, secrets=(self._settings.key,))

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def _sign(self, within: str | None) -> KeyAuth:
        if within is None:
            return self._signature
        # As polytomic's Terraform provider does (internal/providerclient/client.go).
        return BasicAuth(self._settings.base_url, self._settings.key, within)

    def _request(self, method: str, path: str, auth: KeyAuth, **options: Any) -> Request:
        return Request(method, self._settings.base_url + path, path, auth, **options)

    def _send(
        self,
        request: Request,
        source: str,
        should_retry: Callable[[PolytomicError], bool],
        retry_for: float | None = None,
    ) -> Response:
        outcome_unknown = False

        def attempt(seconds_left: float) -> Response:
            nonlocal outcome_unknown
            try:
                timeout = min(self._settings.timeout, seconds_left)
                response = send(
                    self.session, request, timeout, self._policy.clock, earlier_outcome_unknown=outcome_unknown
                )
                local_time, seen_at = self._local_times()
                if response.served_at or self._served is None:
                    self._served = response.served_at or local_time, seen_at
                if not response.ok:
                    raise to_exception(
                        response,
                        str(request),
                        source,
                        secrets=(self._settings.key, request.auth.key),
                        earlier_outcome_unknown=outcome_unknown,
                    )
            except PolytomicError as error:
                outcome_unknown = outcome_unknown or isinstance(error, _OUTCOME_UNKNOWN)
                raise
            return response

        return self._policy.call(attempt, should_retry, retry_for)

    def _local_times(self) -> tuple[datetime, float]:
        clock = self._policy.clock
        return datetime.fromtimestamp(clock.now(), UTC), clock.monotonic()


def _session(settings: ConnectionSettings, pool_size: int) -> requests.Session:
    session = requests.Session()
    session.headers.update(
        {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"airflow-provider-polytomic/{__version__}",
            "X-Polytomic-Version": settings.api_version,
        }
    )
    # A cookie set for one key would be sent with the next key, which may be another user's.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.verify = settings.verify
    if settings.proxy:
        session.proxies = {"http": settings.proxy, "https": settings.proxy}
    adapter = LimitedAdapter(pool_connections=1, pool_maxsize=pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
