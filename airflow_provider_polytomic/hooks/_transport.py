"""Request, response, and one bounded exchange over the pooled session, without redirects."""

from __future__ import annotations

import math
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from airflow_provider_polytomic._support.text import one_line
from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicConnectionError,
    PolytomicError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic._support.clock import Clock
    from airflow_provider_polytomic.hooks._auth import KeyAuth

__all__ = ["MAX_BODY", "MAX_LIST", "Request", "Response", "outcome_hint", "send"]

MAX_BODY = 1024 * 1024  # bytes; every response except lists is far smaller
MAX_LIST = 16 * 1024 * 1024  # bytes: lists have no pages, and 10,000 organizations take about 2 MB
_CHUNK = 16 * 1024
_FIRST_YEAR, _LAST_YEAR = 2000, 2200
# By method: the state after a request whose outcome is unknown, and what to do.
_HINTS = {
    "GET": "Nothing was changed. Try again later.",
    "POST": "It is not known whether the request took effect. Retry with the same Idempotency-Key.",
}
_SAFE_TO_REPEAT = "It is not known whether the request took effect. Try again: repeating it is safe."
_LIBRARY_ERRORS = (requests.RequestException, HTTPError, OSError)


@dataclass(frozen=True)
class Request:
    """A request that can be sent repeatedly.

    :param path: the part of the URL that messages show.
    :param auth: signs the request; set on each request, so that a ``.netrc`` entry does not replace it.
    :param json: the body; None for no body, as the official SDK sends Create API Key.
    :param max_bytes: bytes of the response to read at most.
    """

    method: str
    url: str
    path: str
    auth: KeyAuth
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    max_bytes: int = MAX_BODY

    def __str__(self) -> str:
        """Return method and path, as messages show them."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Response:
    """A response from the server.

    :param content: the body; empty if it was too long or damaged. It can contain a key.
    :param whole: whether ``content`` is the whole body.
    :param retry_after: seconds that the server asks to wait.
    :param redirect_host: the host that a redirect points to.
    :param served_at: the time of the response by the server's clock (its ``Date``); None if missing or unreadable.
    """

    status: int
    content: bytes = field(repr=False)
    whole: bool = True
    retry_after: float | None = None
    redirect_host: str | None = None
    served_at: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether the response is a success."""
        return 200 <= self.status < 300  # noqa: PLR2004 (HTTP statuses)


@strip_traceback  # frames and exceptions of the requests library contain the Authorization header
def send(
    session: requests.Session, request: Request, timeout: float, clock: Clock, *, earlier_outcome_unknown: bool = False
) -> Response:
    """Send a request once and read its response within limits of time and size.

    :param timeout: seconds for the whole exchange.
    :param earlier_outcome_unknown: whether the outcome of an earlier attempt of the same request is unknown; an error
        says so.
    :raises PolytomicConnectionError: if the connection was refused or lost, or no response came in time.
    :raises PolytomicConfigurationError: if the server's certificate is not trusted; no request was sent.
    """
    deadline = clock.monotonic() + timeout
    try:
        prepared = session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                params=dict(request.params),
                headers=dict(request.headers),
                json=request.json,
                auth=request.auth,
            )
        )
        # Not Session.send, which reads the body of a redirect without a limit, even if it does not follow it.
        settings: Any = session.merge_environment_settings(
            request.url, dict(session.proxies), stream=True, verify=session.verify, cert=session.cert
        )
        # requests accepts urllib3's Timeout, the only one with a total (adapters.py), but its stubs do not say so.
        total: Any = Timeout(total=timeout)
        with session.get_adapter(request.url).send(prepared, timeout=total, **settings) as response:
            content, whole = _read_body(response, request.max_bytes, deadline, clock)
            return Response(
                status=response.status_code,
                content=content,
                whole=whole,
                retry_after=_parse_retry_after(response.headers.get("Retry-After", ""), clock),
                redirect_host=_redirect_host(response, request.url),
                served_at=_parse_date(response.headers.get("Date", "")),
            )
    except _LIBRARY_ERRORS as error:
        raise _to_connection_error(error, request, earlier_outcome_unknown=earlier_outcome_unknown) from None


def outcome_hint(method: str) -> str:
    """Return the sentences for a request whose outcome is unknown: the state, and what to do."""
    return _HINTS.get(method, _SAFE_TO_REPEAT)


def _read_body(response: requests.Response, max_bytes: int, deadline: float, clock: Clock) -> tuple[bytes, bool]:
    content = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > max_bytes:
                return b"", False
            if clock.monotonic() > deadline:
                raise requests.Timeout
    except requests.exceptions.ContentDecodingError:
        return b"", False
    return bytes(content), True


def _parse_retry_after(value: str, clock: Clock) -> float | None:
    """Read either form of the header (RFC 9110, 10.2.3): seconds, or a date."""
    try:
        seconds = float(value) if value.strip().isdigit() else parsedate_to_datetime(value).timestamp() - clock.now()
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _parse_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)  # "-0000" is UTC, too
    except (ValueError, OverflowError):
        return None
    # Adding an age to a date near the ends of the calendar overflows.
    return moment if _FIRST_YEAR <= moment.year < _LAST_YEAR else None


def _redirect_host(response: requests.Response, url: str) -> str | None:
    location = response.headers.get("Location")
    if not location or not 300 <= response.status_code < 400:  # noqa: PLR2004 (HTTP statuses)
        return None
    try:
        return one_line(urlsplit(location).hostname or urlsplit(url).hostname or "", 100)
    except ValueError:
        return "an address that cannot be read"


def _to_connection_error(error: Exception, request: Request, *, earlier_outcome_unknown: bool) -> PolytomicError:
    host = urlsplit(request.url).netloc
    if _is_caused_by(error, ssl.SSLCertVerificationError):
        return PolytomicConfigurationError(
            f"{request}: the certificate of {host} is not trusted.",
            "Check the host, or set 'ca_bundle'.",
            reason="certificate_untrusted",
            fields=("host", "ca_bundle"),
            earlier_outcome_unknown=earlier_outcome_unknown,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        reason, problem = "proxy_failed", f"the proxy before {host} could not be reached or refused the request"
    elif isinstance(error, requests.Timeout):
        reason, problem = "timeout", f"{host} did not respond in time"
    else:
        reason, problem = "connection_lost", f"the connection to {host} was refused or lost"
    return PolytomicConnectionError(
        f"{request}: {problem} ({type(error).__name__}). {outcome_hint(request.method)}",
        reason=reason,
        request=str(request),
        earlier_outcome_unknown=earlier_outcome_unknown,
    )


def _is_caused_by(error: BaseException | None, error_type: type[BaseException]) -> bool:
    seen: list[BaseException] = []
    while isinstance(error, BaseException) and error not in seen:
        if isinstance(error, error_type):
            return True
        seen.append(error)
        reason = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
    return False
