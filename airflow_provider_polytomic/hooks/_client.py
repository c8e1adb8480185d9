"""How does a request become an answer or an exception? By one session, one retry policy and one mapping of errors."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter

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
from airflow_provider_polytomic.hooks._auth import BasicAuth, BearerAuth
from airflow_provider_polytomic.hooks._errors import to_exception
from airflow_provider_polytomic.hooks._retry import repeat_post, repeat_safely
from airflow_provider_polytomic.hooks._transport import MAX_BODY, Request, Response, outcome_hint, send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.hooks._auth import KeyAuth
    from airflow_provider_polytomic.hooks._connection import ConnectionSettings
    from airflow_provider_polytomic.hooks._retry import RetryPolicy

__all__ = ["Client"]

# apidocs.polytomic.com, guides/idempotent-requests.
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{8,255}")
# After these a request may have taken effect, or may still.
_UNKNOWN = (PolytomicConnectionError, PolytomicUnavailableError, PolytomicServerError, PolytomicConflictError)


class Client:
    """Polytomic's API, as one caller reaches it.

    :param settings: the server, the caller's credential and how to send.
    :param source: where the credential comes from, for error messages.
    :param policy: when requests are repeated, and the bound of one call.
    :param pool_size: connections kept open.
    """

    def __init__(self, settings: ConnectionSettings, source: str, policy: RetryPolicy, pool_size: int) -> None:
        self._settings = settings
        self._source = source
        self._policy = policy
        self._signature = settings.signature()
        self._served: tuple[datetime, float] | None = None
        self.session = _session(settings, pool_size)
        # For those who take the session from get_conn: signed likewise, and likewise only towards this server.
        self.session.auth = self._signature

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        key: ApiKey | None = None,
        within: str | None = None,
        repeat: Callable[[PolytomicError], bool] = repeat_safely,
        patience: float | None = None,
        longest: int = MAX_BODY,
    ) -> Response:
        """Send a GET.

        :param key: send this key as Bearer and not the caller's own credential.
        :param within: UUID of the organization to act in, as Basic with the caller's own key.
        :param patience: seconds that the call may take, if fewer than the policy's.
        :param longest: bytes of the answer that are read at most.
        :returns: a success.
        :raises PolytomicError: anything else.
        """
        auth = self._signed(within) if key is None else BearerAuth(self._settings.base_url, key)
        source = "the key that was checked" if key else self._source
        return self._send(self._call("GET", path, auth, params=params or {}, longest=longest), source, repeat, patience)

    def post(
        self,
        path: str,
        *,
        idempotency_key: str,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        within: str | None = None,
        repeat: Callable[[PolytomicError], bool] = repeat_post,
    ) -> Response:
        """Send a POST, each time with the same Idempotency-Key.

        :param within: as in :meth:`get`.
        :raises PolytomicConfigurationError: if the Idempotency-Key is not 8 to 255 legal characters.
        :raises PolytomicError: if the answer is no success.
        """
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise PolytomicConfigurationError(
                "An Idempotency-Key is 8 to 255 letters, digits, hyphens and underscores.",
                "Correct it.",
                reason="idempotency_key_illegal",
                fields=("idempotency_key",),
            )
        headers = {"Idempotency-Key": idempotency_key}
        call = self._call("POST", path, self._signed(within), params=params or {}, headers=headers, json=json)
        return self._send(call, self._source, repeat)

    def put(self, path: str, *, json: Mapping[str, Any], within: str | None = None) -> Response:
        """Send a PUT.

        :param within: as in :meth:`get`.
        :raises PolytomicAlreadyExistsError: on 409.
        :raises PolytomicError: if the answer is no other success.
        """
        call = self._call("PUT", path, self._signed(within), json=json)
        return self._send(call, self._source, repeat_safely)

    def delete(self, path: str, *, within: str | None = None) -> None:
        """Send a DELETE, without an Idempotency-Key, as the guide says.

        :param within: as in :meth:`get`.
        :raises PolytomicNotFoundError: if there is no such thing, unless an earlier request of this call was left
            without an answer and so may have removed it.
        :raises PolytomicUnavailableError: if so, and the 404 is a proxy's, which tells nothing.
        :raises PolytomicError: if the answer is no other success.
        """
        try:
            self._send(self._call("DELETE", path, self._signed(within)), self._source, repeat_safely)
        except PolytomicNotFoundError as error:
            if not error.earlier_outcome_unknown:
                raise
            is_gone = error.is_from_polytomic
        else:
            return
        # Outside the except block, as the other one's frames have no business in this one's context.
        if not is_gone:
            raise PolytomicUnavailableError(
                f"DELETE {path}: an earlier request may have taken effect, and then came a 404 that is not "
                f"Polytomic's. {outcome_hint('DELETE')}",
                status=404,
                reason="removal_unsettled",
                request=f"DELETE {path}",
            )

    def server_time(self) -> datetime:
        """Return the time by the server's clock: the ``Date`` of its last answer, and what has passed since.

        Where there was no answer yet, one is asked for. One without a ``Date`` is taken to be of this worker's time.

        :raises PolytomicConnectionError: if there was none.
        """
        if self._served is None:
            with suppress(PolytomicApiError):  # which tells the time as well
                self.get("/api/me", repeat=lambda error: isinstance(error, PolytomicConnectionError))
        served_at, seen_at = self._served or self._here_and_now()
        return served_at + timedelta(seconds=self._policy.clock.monotonic() - seen_at)

    def to_exception(self, answer: Response, request: str) -> Exception:
        """Return what an answer other than success means."""
        return to_exception(answer, request, self._source, secrets=(self._settings.key,))

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def _signed(self, within: str | None) -> KeyAuth:
        if within is None:
            return self._signature
        # As polytomic's Terraform provider does (internal/providerclient/client.go).
        return BasicAuth(self._settings.base_url, self._settings.key, within)

    def _call(self, method: str, path: str, auth: KeyAuth, **given: Any) -> Request:
        return Request(method, self._settings.base_url + path, path, auth, **given)

    def _send(
        self, call: Request, source: str, repeat: Callable[[PolytomicError], bool], patience: float | None = None
    ) -> Response:
        unknown = False

        def attempt(left: float) -> Response:
            nonlocal unknown
            try:
                timeout = min(self._settings.timeout, left)
                answer = send(self.session, call, timeout, self._policy.clock, earlier_outcome_unknown=unknown)
                here, now = self._here_and_now()
                if answer.served_at or self._served is None:
                    self._served = answer.served_at or here, now
                if not answer.ok:
                    secrets = self._settings.key, call.auth.key
                    raise to_exception(answer, str(call), source, secrets=secrets, earlier_outcome_unknown=unknown)
            except PolytomicError as error:
                unknown = unknown or isinstance(error, _UNKNOWN)
                raise
            return answer

        return self._policy.call(attempt, repeat, patience)

    def _here_and_now(self) -> tuple[datetime, float]:
        clock = self._policy.clock
        return datetime.fromtimestamp(clock.now(), UTC), clock.monotonic()


def _session(settings: ConnectionSettings, pool_size: int) -> requests.Session:
    session = requests.Session()
    session.headers.update(
        {
            "Accept": "application/json",
            "User-Agent": f"airflow-provider-polytomic/{__version__}",
            "X-Polytomic-Version": settings.api_version,
        }
    )
    # A cookie set for one key would go with the next, which may be another's.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.verify = settings.verify
    if settings.proxy:
        session.proxies = {"http": settings.proxy, "https": settings.proxy}
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
