"""Mapping of an error response to an exception, with the server's message if it contains no key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import (
    PolytomicAlreadyExistsError,
    PolytomicApiError,
    PolytomicConflictError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicRateLimitedError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.hooks._json import parse_json
from airflow_provider_polytomic.hooks._redaction import redact
from airflow_provider_polytomic.hooks._transport import outcome_hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.credentials import Secret
    from airflow_provider_polytomic.hooks._transport import Response

__all__ = ["to_exception"]

_UNCHANGED = "Nothing was changed."
_WHICH_KEY = (
    "The endpoints for users and organizations need a partner key (on-premises: deployment key). Those for the current "
    "organization and for roles need a key of that organization; changes need an Admin's key. Replace {source}."
)
# Status -> class, what happened, the state and what to do.
_MEANINGS: dict[int, tuple[type[PolytomicApiError], str, str]] = {
    401: (
        PolytomicUnauthorizedError,
        "the key is unknown, expired or revoked",
        f"{_UNCHANGED} Replace {{source}}.",
    ),
    403: (
        PolytomicForbiddenError,
        "the key may not do this, or is unknown to the server",
        f"{_UNCHANGED} {_WHICH_KEY}",
    ),
    404: (
        PolytomicNotFoundError,
        "the organization, user or role does not exist, or does not belong to the caller",
        f"{_UNCHANGED} Check the ids, the server, and that {{source}} belongs to the right partner.",
    ),
    408: (
        PolytomicUnavailableError,
        "the server stopped waiting for the request",
        "{unknown}",
    ),
    409: (
        PolytomicConflictError,
        "a request with this Idempotency-Key is in flight, or the object exists already",
        "{unknown} If the conflict persists, check which objects exist.",
    ),
    429: (PolytomicRateLimitedError, "too many requests", f"{_UNCHANGED} Try again later."),
    500: (
        PolytomicServerError,
        "an internal error of Polytomic",
        "{unknown}{recorded}",
    ),
}
_RECORDED = " Polytomic may return the same error under this Idempotency-Key for 24 hours."
# An update has no Idempotency-Key, so no request can be in flight under one.
_TAKEN = (PolytomicAlreadyExistsError, "the name is taken", f"{_UNCHANGED} Use another name.")
_UNAVAILABLE = (
    PolytomicUnavailableError,
    "the server, or a proxy before it, is not available",
    "{unknown}",
)
_REJECTED = (PolytomicRejectedError, "the request was rejected", f"{_UNCHANGED} Correct the request.")
_REDIRECTED = (
    PolytomicRejectedError,
    "a redirect",
    f"It was not followed: the key must not reach another server. {_UNCHANGED} Set the connection's host to the API.",
)


@dataclass(frozen=True)
class _ErrorBody:
    """The content of an error body.

    :param is_from_polytomic: whether the body is certainly Polytomic's, and not a proxy's.
    """

    message: str | None = None
    key: str | None = None
    is_from_polytomic: bool = False


@strip_traceback
def to_exception(
    response: Response, request: str, source: str, *, secrets: Sequence[Secret], earlier_outcome_unknown: bool = False
) -> PolytomicApiError:
    """Return the exception for a response that is not a success.

    :param request: method and path, for the message; ids in it may also remain in the server's message.
    :param source: the key and where it comes from, for the message.
    :param secrets: the secrets of the request; no part of them remains in the server's message.
    :param earlier_outcome_unknown: whether the outcome of an earlier attempt of the same request is unknown.
    """
    body = _read_body(response.content)
    message = redact(body.message, secrets, known=request) if body.message else None
    key = body.key if body.key and redact(body.key, secrets) == body.key else None
    method = request.partition(" ")[0]
    error_type, problem, hint = _meaning(method, response.status, body)
    target = f" to {response.redirect_host}" if response.redirect_host else ""
    quote = f' ("{message}")' if message else ""
    hint = hint.format(source=source, unknown=outcome_hint(method), recorded=_RECORDED if method == "POST" else "")
    return error_type(
        f"{request}: Polytomic answered {response.status}{quote}: {problem}{target}. {hint}",
        status=response.status,
        key=key,
        server_message=message,
        retry_after=response.retry_after,
        is_from_polytomic=body.is_from_polytomic,
        reason="redirect" if 300 <= response.status < 400 else "",  # noqa: PLR2004 (HTTP statuses)
        request=request,
        earlier_outcome_unknown=earlier_outcome_unknown,
    )


def _meaning(method: str, status: int, body: _ErrorBody) -> tuple[type[PolytomicApiError], str, str]:
    if status == 409 and method == "PUT":  # noqa: PLR2004 (an HTTP status)
        return _TAKEN
    if status == 500 and not body.is_from_polytomic:  # noqa: PLR2004 (an HTTP status)
        return _UNAVAILABLE
    if status in _MEANINGS:
        return _MEANINGS[status]
    if status >= 500:  # noqa: PLR2004 (an HTTP status)
        return _UNAVAILABLE
    return _REJECTED if status >= 400 else _REDIRECTED  # noqa: PLR2004 (an HTTP status)


def _read_body(content: bytes) -> _ErrorBody:
    """Read an error body of any API version; an unknown form has no message."""
    try:
        body = parse_json(content)
    except ValueError:
        return _ErrorBody()
    if not isinstance(body, dict):
        return _ErrorBody()
    error = body.get("error")
    if isinstance(body.get("message"), str):
        # 2025-09-18: key, message, metadata, status; before: message, status_code. With fewer it may be a gateway's.
        current = isinstance(body.get("key"), str) and _is_status(body.get("status"))
        is_from_polytomic = current or _is_status(body.get("status_code"))
        return _ErrorBody(body["message"], body["key"] if isinstance(body.get("key"), str) else None, is_from_polytomic)
    if isinstance(error, str):  # until 2024-02-08: code, context, error, status
        is_from_polytomic = _is_status(body.get("code")) and isinstance(body.get("status"), str)
        return _ErrorBody(error, is_from_polytomic=is_from_polytomic)
    if isinstance(error, dict) and isinstance(error.get("message"), str):  # the oldest: {"error": {"message": ...}}
        is_from_polytomic = set(error) == {"message"} and set(body) == {"error"}
        return _ErrorBody(error["message"], is_from_polytomic=is_from_polytomic)
    return _ErrorBody()


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
