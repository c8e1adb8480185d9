"""What is one request and its answer? A bounded exchange over the pooled session, without redirects or cookies."""

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

MAX_BODY = 1024 * 1024  # bytes; what is no list is far smaller
MAX_LIST = 16 * 1024 * 1024  # bytes: lists have no pages, and 10,000 organizations take about 2 MB
_CHUNK = 16 * 1024
_FIRST_YEAR, _LAST_YEAR = 2000, 2200
# By the method: in what state things are while no answer settles it, and what to do.
_UNSETTLED = {
    "GET": "Nothing was changed. Try again later.",
    "POST": "Whether it took effect is not known. Try again with the same Idempotency-Key.",
}
_REPEATABLE = "Whether it took effect is not known. Try again: it may safely be repeated."
_LIBRARY_ERRORS = (requests.RequestException, HTTPError, OSError)


@dataclass(frozen=True)
class Request:
    """A request to send, any number of times.

    :param url: below the server's base URL.
    :param path: the part of it that messages show.
    :param auth: signs the request; given with each request, so that no ``.netrc`` entry takes its place.
    :param longest: bytes of the answer that are read at most.
    :param json: the body; None for no body at all, as the official SDK sends Create API Key.
    """

    method: str
    url: str
    path: str
    auth: KeyAuth
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    longest: int = MAX_BODY

    def __str__(self) -> str:
        """Name the request as the messages do."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Response:
    """What came back.

    :param content: the body, empty where it was longer than the call allows, or damaged. It can hold a key.
    :param whole: whether ``content`` is all of the body.
    :param retry_after: seconds that the server asks to wait.
    :param redirect_host: where a redirect points to.
    :param served_at: when it was sent, by the server's clock: its ``Date``, where it has a legible one.
    """

    status: int
    content: bytes = field(repr=False)
    whole: bool = True
    retry_after: float | None = None
    redirect_host: str | None = None
    served_at: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300  # noqa: PLR2004 (HTTP statuses)


@strip_traceback  # the frames and exceptions of requests hold the Authorization header
def send(
    session: requests.Session, call: Request, timeout: float, clock: Clock, *, earlier_outcome_unknown: bool = False
) -> Response:
    """Send a request once and read its answer whole, within bounds.

    :param timeout: seconds for all of it.
    :param earlier_outcome_unknown: whether an earlier attempt of the same request got no answer; an error says so.
    :raises PolytomicConnectionError: if the connection was refused or lost, or no answer came in time.
    :raises PolytomicConfigurationError: if the server's certificate is not trusted; nothing was sent.
    """
    give_up_at = clock.monotonic() + timeout
    try:
        request = session.prepare_request(
            requests.Request(
                call.method,
                call.url,
                params=dict(call.params),
                headers=dict(call.headers),
                json=call.json,
                auth=call.auth,
            )
        )
        # Not Session.send: it reads the body of a redirect without bounds, even one that is not followed.
        settings: Any = session.merge_environment_settings(
            call.url, dict(session.proxies), stream=True, verify=session.verify, cert=session.cert
        )
        # The stubs do not know that requests takes urllib3's own Timeout, the only one with a total (adapters.py).
        deadline: Any = Timeout(total=timeout)
        with session.get_adapter(call.url).send(request, timeout=deadline, **settings) as response:
            content, whole = _body(response, call.longest, give_up_at, clock)
            return Response(
                status=response.status_code,
                content=content,
                whole=whole,
                retry_after=_retry_after(response.headers.get("Retry-After", ""), clock),
                redirect_host=_redirect_host(response, call.url),
                served_at=_date(response.headers.get("Date", "")),
            )
    except _LIBRARY_ERRORS as error:
        no_answer = _no_answer(error, call, earlier_outcome_unknown=earlier_outcome_unknown)
    raise no_answer


def outcome_hint(method: str) -> str:
    """Say in what state things are after a request that nothing settled, and what to do."""
    return _UNSETTLED.get(method, _REPEATABLE)


def _body(response: requests.Response, longest: int, give_up_at: float, clock: Clock) -> tuple[bytes, bool]:
    content = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > longest:
                return b"", False
            if clock.monotonic() > give_up_at:
                raise requests.Timeout
    except requests.exceptions.ContentDecodingError:
        return b"", False
    return bytes(content), True


def _retry_after(value: str, clock: Clock) -> float | None:
    """Read either form of the header (RFC 9110, 10.2.3): seconds, or a date."""
    try:
        seconds = float(value) if value.strip().isdigit() else parsedate_to_datetime(value).timestamp() - clock.now()
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)  # "-0000" is UTC, too
    except (ValueError, OverflowError):
        return None
    # Nearer to the ends of the calendar, adding an age to it overflows.
    return moment if _FIRST_YEAR <= moment.year < _LAST_YEAR else None


def _redirect_host(response: requests.Response, url: str) -> str | None:
    location = response.headers.get("Location")
    if not location or not 300 <= response.status_code < 400:  # noqa: PLR2004 (HTTP statuses)
        return None
    try:
        return one_line(urlsplit(location).hostname or urlsplit(url).hostname or "", 100)
    except ValueError:
        return "an address that cannot be read"


def _no_answer(error: Exception, call: Request, *, earlier_outcome_unknown: bool) -> PolytomicError:
    host = urlsplit(call.url).netloc
    if _is_caused_by(error, ssl.SSLCertVerificationError):
        return PolytomicConfigurationError(
            f"{call}: the certificate of {host} is not trusted.",
            "Check the host, or set 'ca_bundle'.",
            reason="certificate_untrusted",
            fields=("host", "ca_bundle"),
            earlier_outcome_unknown=earlier_outcome_unknown,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        reason, what = "proxy_failed", f"the proxy before {host} could not be reached or refused"
    elif isinstance(error, requests.Timeout):
        reason, what = "timeout", f"{host} did not answer in time"
    else:
        reason, what = "connection_lost", f"the connection to {host} was refused or lost"
    return PolytomicConnectionError(
        f"{call}: {what} ({type(error).__name__}). {outcome_hint(call.method)}",
        reason=reason,
        request=str(call),
        earlier_outcome_unknown=earlier_outcome_unknown,
    )


def _is_caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    seen: list[BaseException] = []
    while isinstance(error, BaseException) and error not in seen:
        if isinstance(error, kind):
            return True
        seen.append(error)
        reason = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
    return False
