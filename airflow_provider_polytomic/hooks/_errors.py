"""What does an answer that says no mean? One exception, with Polytomic's own words where they are known to be words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from airflow_provider_polytomic.hooks._redaction import redact
from airflow_provider_polytomic.hooks._transport import outcome_hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.credentials import Secret
    from airflow_provider_polytomic.hooks._transport import Response

__all__ = ["to_exception"]

_UNCHANGED = "Nothing was changed."
_WHICH_KEY = (
    "User and organization endpoints need a partner key (on-premises: deployment key) in {source}; those of the "
    "current organization and of roles need a key of that organization, an Admin's to change something."
)
# Status -> class, what happened, in what state things are and what to do.
_MEANINGS: dict[int, tuple[type[PolytomicApiError], str, str]] = {
    401: (
        PolytomicUnauthorizedError,
        "the key is unknown, expired or revoked",
        f"{_UNCHANGED} Put a key that works into {{source}}.",
    ),
    403: (
        PolytomicForbiddenError,
        "the key may not do this, or the server does not know it",
        f"{_UNCHANGED} {_WHICH_KEY}",
    ),
    404: (
        PolytomicNotFoundError,
        "there is no such organization, user or role, or it is not the caller's",
        f"{_UNCHANGED} Check the ids, and that {{source}} names the right server and the partner they belong to.",
    ),
    408: (
        PolytomicUnavailableError,
        "the server gave up waiting",
        "{unknown}",
    ),
    409: (
        PolytomicConflictError,
        "a request with this Idempotency-Key is in flight, or what it would make exists already",
        "{unknown} If it stays so, look at what exists.",
    ),
    429: (PolytomicRateLimitedError, "too many requests", f"{_UNCHANGED} Try again later."),
    500: (
        PolytomicServerError,
        "Polytomic failed",
        "{unknown}{recorded}",
    ),
}
_RECORDED = " A POST under that key can get this very answer again for 24 hours."
# An update carries no Idempotency-Key that could be in flight.
_TAKEN = (PolytomicAlreadyExistsError, "the name is taken", f"{_UNCHANGED} Use another name.")
_UNAVAILABLE = (
    PolytomicUnavailableError,
    "the server, or something before it, is not available",
    "{unknown}",
)
_REJECTED = (PolytomicRejectedError, "the request is refused", f"{_UNCHANGED} Correct what was asked for.")
_REDIRECTED = (
    PolytomicRejectedError,
    "a redirect, which is never followed so that the key goes nowhere else,",
    f"{_UNCHANGED} Give {{source}} the host of the API itself.",
)


@dataclass(frozen=True)
class _ErrorBody:
    """What an error body says.

    :param own: whether the body is surely Polytomic's, and not of a proxy in between.
    """

    message: str | None = None
    key: str | None = None
    own: bool = False


@strip_traceback
def to_exception(
    answer: Response, request: str, source: str, *, secrets: Sequence[Secret], earlier_outcome_unknown: bool = False
) -> PolytomicApiError:
    """Return the exception for an answer other than success.

    :param request: method and path, for the message; ids in it may also stay in the server's words.
    :param source: where the key came from, for the message.
    :param secrets: what the request carried; no piece of it stays in the server's words.
    :param earlier_outcome_unknown: whether an earlier attempt of the same request got no answer.
    """
    words = _words_of(answer.content)
    message = redact(words.message, secrets, known=request) if words.message else None
    key = words.key if words.key and redact(words.key, secrets) == words.key else None
    method = request.partition(" ")[0]
    kind, what, then = _meaning_of(method, answer.status, words)
    target = f" to {answer.redirect_host}" if answer.redirect_host else ""
    said = f', saying "{message}"' if message else ""
    then = then.format(source=source, unknown=outcome_hint(method), recorded=_RECORDED if method == "POST" else "")
    return kind(
        f"{request}: Polytomic answered {answer.status}{said}: {what}{target}. {then}",
        status=answer.status,
        key=key,
        server_message=message,
        retry_after=answer.retry_after,
        is_from_polytomic=words.own,
        reason="redirect" if 300 <= answer.status < 400 else "",  # noqa: PLR2004 (HTTP statuses)
        request=request,
        earlier_outcome_unknown=earlier_outcome_unknown,
    )


def _meaning_of(method: str, status: int, words: _ErrorBody) -> tuple[type[PolytomicApiError], str, str]:
    if status == 409 and method == "PUT":  # noqa: PLR2004 (an HTTP status)
        return _TAKEN
    if status == 500 and not words.own:  # noqa: PLR2004 (an HTTP status)
        return _UNAVAILABLE
    if status in _MEANINGS:
        return _MEANINGS[status]
    if status >= 500:  # noqa: PLR2004 (an HTTP status)
        return _UNAVAILABLE
    return _REJECTED if status >= 400 else _REDIRECTED  # noqa: PLR2004 (an HTTP status)


def _words_of(content: bytes) -> _ErrorBody:
    """Read any generation of error body; what is not recognised says nothing."""
    body = _json(content)
    if not isinstance(body, dict):
        return _ErrorBody()
    error = body.get("error")
    if isinstance(body.get("message"), str):
        # 2025-09-18: key, message, metadata, status; before: message, status_code. Less than that may be a gateway's.
        current = isinstance(body.get("key"), str) and _is_status(body.get("status"))
        own = current or _is_status(body.get("status_code"))
        return _ErrorBody(body["message"], body["key"] if isinstance(body.get("key"), str) else None, own)
    if isinstance(error, str):  # until 2024-02-08: code, context, error, status
        return _ErrorBody(error, own=_is_status(body.get("code")) and isinstance(body.get("status"), str))
    if isinstance(error, dict) and isinstance(error.get("message"), str):  # the oldest: {"error": {"message": ...}}
        return _ErrorBody(error["message"], own=set(error) == {"message"} and set(body) == {"error"})
    return _ErrorBody()


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
