"""HttpHook whose inherited methods send only GETs, with the session and the errors of the Polytomic hook."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NoReturn

import requests
from airflow.providers.http.hooks.http import HttpHook

from airflow_provider_polytomic._support.text import one_line
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._transport import MAX_BODY, Response

if TYPE_CHECKING:
    from requests import Session

    from airflow_provider_polytomic.hooks._client import Client

__all__ = ["RestrictedHttpHook"]


class RestrictedHttpHook(HttpHook):
    """HttpHook whose inherited methods use the hook's own client.

    HttpHook itself (http provider 6.3) copies unknown extra fields into headers, logs the bodies of errors, uses plain
    http for a bare host, follows redirects, and creates a session for each request.
    """

    @property
    def _client(self) -> Client:
        raise NotImplementedError

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """Return the pooled session. It signs requests to the connection's server only.

        The session is shared, so headers and options are not accepted. Its requests are neither repeated nor checked.
        """
        if headers or extra_options:
            raise _free_form_error("get_conn accepts neither headers nor options")
        return self._client.session

    def run(
        self,
        endpoint: str | None = None,
        data: dict[str, Any] | str | None = None,
        headers: dict[str, Any] | None = None,
        extra_options: dict[str, Any] | None = None,
        **request_kwargs: Any,
    ) -> requests.Response:
        """Send a GET.

        :param endpoint: path below the server, such as ``/api/me``.
        :param data: query parameters.
        :raises PolytomicConfigurationError: if the hook's ``method`` is not GET, or any other argument is passed.
        :raises PolytomicError: if the response is not a success.
        """
        if self.method != "GET" or headers or extra_options or request_kwargs or isinstance(data, str):
            raise _free_form_error("run sends only GETs with query parameters")
        path = "/" + (endpoint or "").lstrip("/")
        params = {name: str(value) for name, value in (data or {}).items()}
        return _to_requests_response(self._client.get(path, params=params))

    def run_and_check(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise an error: a prepared request could be of any kind."""
        raise _free_form_error("run_and_check is not available")

    def check_response(self, response: requests.Response) -> None:
        """Raise the package's own exception if the response is not a success; its body is not logged.

        :raises PolytomicApiError: if the status is not 2xx.
        """
        whole = len(response.content) <= MAX_BODY
        checked = Response(status=response.status_code, content=response.content if whole else b"", whole=whole)
        if not checked.ok:
            raise self._client.to_exception(
                checked, one_line(f"{response.request.method} {response.request.path_url.split('?')[0]}")
            )

    def _set_base_url(self, connection: Any) -> None:
        """Do nothing, because the base URL comes from the checked settings."""

    def _configure_session_from_auth(self, session: Session, *_args: Any) -> Session:
        return session

    def _configure_session_from_extra(self, session: Session, *_args: Any) -> Session:
        return session


def _to_requests_response(response: Response) -> requests.Response:
    converted = requests.Response()
    converted.status_code = response.status
    converted.headers["Content-Type"] = "application/json"
    converted.encoding = "utf-8"
    converted.raw = io.BytesIO(response.content)
    return converted


def _free_form_error(problem: str) -> PolytomicConfigurationError:
    return PolytomicConfigurationError(
        f"{problem}: a free-form request could change data or send the key to another server.",
        "Use the typed methods of PolytomicHook.",
        reason="free_form_request",
    )
