"""Request, response, and one exchange over the pooled session within limits of time and size, without redirects."""

from __future__ import annotations

import math
import ssl
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, IncompleteRead
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, InvalidChunkLength, InvalidHeader
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.util import Timeout

from airflow_provider_polytomic._support.library_logs import suppress_library_logs
from airflow_provider_polytomic._support.text import one_line
from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicConnectionError,
    PolytomicError,
)
from airflow_provider_polytomic.hooks._adapter import Limits

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
    "POST": "It is not known whether the request took effect. To repeat it, use the same idempotency key.",
}
_SAFE_TO_REPEAT = "It is not known whether the request took effect. Try again: repeating it is safe."
_LIBRARY_ERRORS = (requests.RequestException, HTTPError, OSError)
_MALFORMED = (InvalidChunkLength, InvalidHeader, requests.exceptions.InvalidHeader)
# Of one compressed body. Servers send one member; without a bound, millions of empty ones would take minutes.
_MAX_MEMBERS = 16
# gzip or zlib, by its header; some servers send deflate without the header of zlib.
_WITH_HEADER, _WITHOUT_HEADER = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS
_ENCODINGS = {"gzip": (_WITH_HEADER,), "x-gzip": (_WITH_HEADER,), "deflate": (_WITH_HEADER, _WITHOUT_HEADER)}


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

    :param timeout: seconds for the whole exchange, from the connection to the last byte of the body.
    :param earlier_outcome_unknown: whether the outcome of an earlier attempt of the same request is unknown; an error
        says so.
    :raises PolytomicConnectionError: if the connection was refused or lost, or no response came in time.
    :raises PolytomicConfigurationError: if the server's certificate is not trusted; no request was sent.
    """
    # Headers and the framing of chunks may be as long as the longest body.
    limits = Limits(timeout, 2 * request.max_bytes, clock)
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
        adapter = session.get_adapter(request.url)
        with suppress_library_logs(), limits.apply(), adapter.send(prepared, timeout=total, **settings) as response:
            content = _read_body(response, request.max_bytes, limits)
            return Response(
                status=response.status_code,
                content=content or b"",
                whole=content is not None,
                retry_after=_parse_retry_after(response.headers.get("Retry-After", ""), clock),
                redirect_host=_redirect_host(response, request.url),
                served_at=_parse_date(response.headers.get("Date", "")),
            )
    except Exception as error:  # noqa: BLE001 (malformed responses make the libraries raise many types)
        raise _to_connection_error(error, request, limits, earlier_outcome_unknown=earlier_outcome_unknown) from None


def outcome_hint(method: str) -> str:
    """Return the sentences for a request whose outcome is unknown: the state, and what to do."""
    return _HINTS.get(method, _SAFE_TO_REPEAT)


def _read_body(response: requests.Response, max_bytes: int, limits: Limits) -> bytes | None:
    """Return the body, unpacked; None if it is too long or damaged."""
    content = bytearray()
    try:
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            content += chunk
            limits.seconds_left()
            if len(content) > max_bytes:
                return None
    except Exception:
        if limits.is_too_long:
            return None
        raise
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity") or not content:
        return bytes(content)
    unpacked = (_unpack(bytes(content), form, max_bytes) for form in _ENCODINGS.get(encoding, ()))
    return next((body for body in unpacked if body is not None), None)


def _unpack(content: bytes, form: int, max_bytes: int) -> bytes | None:
    """Unpack a compressed body; return None if it is in another form, damaged, or longer than the limit."""
    body = bytearray()
    for _ in range(_MAX_MEMBERS):
        decompressor = zlib.decompressobj(form)
        try:
            body += decompressor.decompress(content, max_bytes + 1 - len(body))
        except zlib.error:
            return None
        if not decompressor.eof or len(body) > max_bytes:
            return None
        content = decompressor.unused_data
        if not content:
            return bytes(body)
    return None


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


def _to_connection_error(
    error: Exception, request: Request, limits: Limits, *, earlier_outcome_unknown: bool
) -> PolytomicError:
    host = urlsplit(request.url).netloc
    if _is_caused_by(error, ssl.SSLCertVerificationError):
        return PolytomicConfigurationError(
            f"{request}: the certificate of {host} is not trusted.",
            "Check the host, or set 'ca_bundle'.",
            reason="certificate_untrusted",
            fields=("host", "ca_bundle"),
            earlier_outcome_unknown=earlier_outcome_unknown,
        )
    if limits.is_late or isinstance(error, (requests.Timeout, Urllib3TimeoutError)):
        reason, problem = "timeout", f"{host} did not respond in time"
    elif isinstance(error, requests.exceptions.ProxyError):
        reason, problem = "proxy_failed", f"the proxy before {host} could not be reached or refused the request"
    elif limits.is_too_long or _is_malformed(error):
        reason, problem = "response_malformed", f"{host} sent a response that is too long or is not valid HTTP"
    else:
        reason, problem = "connection_lost", f"the connection to {host} was refused or lost"
    return PolytomicConnectionError(
        f"{request}: {problem} ({type(error).__name__}). {outcome_hint(request.method)}",
        reason=reason,
        request=str(request),
        earlier_outcome_unknown=earlier_outcome_unknown,
    )


def _is_malformed(error: Exception) -> bool:
    if not isinstance(error, _LIBRARY_ERRORS) or _is_caused_by(error, _MALFORMED):
        return True
    # The connection was closed before the first byte, or in the middle of the body.
    is_cut = _is_caused_by(error, (ConnectionError, IncompleteRead))
    return _is_caused_by(error, HTTPException) and not is_cut


def _is_caused_by(
    error: BaseException | None, error_type: type[BaseException] | tuple[type[BaseException], ...]
) -> bool:
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
