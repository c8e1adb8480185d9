"""What stays of HttpHook's free-form methods? GETs, over the same session, with the same errors."""

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
    """An HttpHook whose inherited doors lead through one client.

    HttpHook itself (http provider 6.3) copies unknown extra fields into headers, logs the bodies of errors, turns a
    bare host into plain http, follows redirects, and sends any method with a new session each time.
    """

    @property
    def _client(self) -> Client:
        raise NotImplementedError

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """Return the pooled session: it signs requests to the connection's server, and no others.

        It is shared, so neither headers nor options can be given; what is sent with it is neither repeated nor checked.
        """
        if headers or extra_options:
            raise _refusal("get_conn takes neither headers nor options")
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
        :raises PolytomicConfigurationError: if the hook's ``method`` was changed from GET, or anything else is given.
        :raises PolytomicError: if the answer is no success.
        """
        if self.method != "GET" or headers or extra_options or request_kwargs or isinstance(data, str):
            raise _refusal("run sends GETs with query parameters only")
        path = "/" + (endpoint or "").lstrip("/")
        return _response_of(self._client.get(path, params={name: str(value) for name, value in (data or {}).items()}))

    def run_and_check(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: a prepared request could be anything."""
        raise _refusal("run_and_check is not available")

    def check_response(self, response: requests.Response) -> None:
        """Raise the package's own exception for anything but a success; the body is not logged.

        :raises PolytomicApiError: if the status is not 2xx.
        """
        whole = len(response.content) <= MAX_BODY
        answer = Response(status=response.status_code, content=response.content if whole else b"", whole=whole)
        if not answer.ok:
            raise self._client.to_exception(
                answer, one_line(f"{response.request.method} {response.request.path_url.split('?')[0]}")
            )

    def _set_base_url(self, connection: Any) -> None:
        """Do nothing: the base URL comes from the checked settings."""

    def _configure_session_from_auth(self, session: Session, *_args: Any) -> Session:
        return session

    def _configure_session_from_extra(self, session: Session, *_args: Any) -> Session:
        return session


def _response_of(answer: Response) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers["Content-Type"] = "application/json"
    response.encoding = "utf-8"
    response.raw = io.BytesIO(answer.content)
    return response


def _refusal(what: str) -> PolytomicConfigurationError:
    return PolytomicConfigurationError(
        f"{what}: a free-form request could change something or carry the key elsewhere.",
        "Use the typed methods of PolytomicHook.",
        reason="free_form_request",
    )
