"""What can go wrong, one class for each thing that a caller would do differently.

::

    PolytomicError                          never raised itself
    ├── PolytomicConfigurationError         a parameter, connection or setting is invalid (also a ValueError)
    ├── PolytomicApiError                   an answer that says no; carries status, key and the server's message
    │   ├── PolytomicUnauthorizedError      401: the key is unknown or revoked
    │   ├── PolytomicForbiddenError         403: the key may not do this
    │   ├── PolytomicNotFoundError          404: no such organization or user
    │   ├── PolytomicRejectedError          400, 422 and any other 4xx, or a redirect: the request itself is refused
    │   ├── PolytomicConflictError          409: in flight, taken, or already there
    │   │   └── PolytomicAlreadyExistsError         the name or the e-mail address is somebody else's: use another
    │   ├── PolytomicRateLimitedError       429
    │   ├── PolytomicServerError            500 in Polytomic's own words: perhaps a recorded one, replayed for 24 hours
    │   └── PolytomicUnavailableError       408 and every other 5xx, whoever answered: nothing is known of the outcome
    ├── PolytomicConnectionError              connection lost, or no answer in time: nothing is known of the outcome
    ├── PolytomicTaskStoppedError               told to end before something was asked for: nothing was sent
    ├── PolytomicInvalidResponseError      a success whose content is missing or cannot be read; the body is not shown
    │   └── PolytomicMissingKeyError      Polytomic's own success, without the key that it promises
    ├── SecretStoreError                    never raised itself
    │   ├── SecretStoreConflictError                   somebody else changed the destination meanwhile
    │   ├── SecretStoreDeniedError                     the store refuses these rights
    │   ├── SecretStoreConfigurationError              the store, or what it holds, cannot be used as it is
    │   └── SecretStoreUnavailableError                the store did not answer; whether it acted is not known
    └── IssuanceError                       never raised itself
        ├── IssuanceRefusedError            somebody must decide or repair something first; trying again does not help
        └── IssuanceIncompleteError         not finished; trying again goes on where this try stopped

``retryable`` says of each class whether the same call can succeed later without anybody's doing. ``reason`` names the
cause and ``fields`` what to correct; decide on these, never on the text.
No message, argument or attribute of any of them holds a byte of a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "IssuanceError",
    "IssuanceIncompleteError",
    "IssuanceRefusedError",
    "PolytomicAlreadyExistsError",
    "PolytomicApiError",
    "PolytomicConfigurationError",
    "PolytomicConflictError",
    "PolytomicConnectionError",
    "PolytomicError",
    "PolytomicForbiddenError",
    "PolytomicInvalidResponseError",
    "PolytomicMissingKeyError",
    "PolytomicNotFoundError",
    "PolytomicRateLimitedError",
    "PolytomicRejectedError",
    "PolytomicServerError",
    "PolytomicTaskStoppedError",
    "PolytomicUnauthorizedError",
    "PolytomicUnavailableError",
    "SecretStoreConfigurationError",
    "SecretStoreConflictError",
    "SecretStoreDeniedError",
    "SecretStoreError",
    "SecretStoreUnavailableError",
]


class PolytomicError(Exception):
    """Base of all errors of this package; never raised itself.

    :param message: what happened, what state things are in, what to do.
    :param reason: a stable name of the cause in snake_case, for code that decides by it; empty where the class says it
        all.
    :param fields: names of the parameters, connection fields or Airflow settings to correct; never their values.
    :param request: method and path of the request that was tried, such as ``GET /api/me``; empty if it is about none.
    :param earlier_outcome_unknown: whether an earlier attempt of the same request got no answer, so that it may have
        taken effect whatever the answer to the last attempt says.
    :param key_was_issued: whether this try had a key issued before it failed; with ``force``, that revoked the user's
        earlier keys.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        reason: str = "",
        fields: Sequence[str] = (),
        request: str = "",
        earlier_outcome_unknown: bool = False,
        key_was_issued: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.fields = tuple(fields)
        self.request = request
        self.earlier_outcome_unknown = earlier_outcome_unknown
        self.key_was_issued = key_was_issued


class PolytomicConfigurationError(PolytomicError, ValueError):
    """A parameter, a connection or an Airflow setting is invalid.

    :param problem: what is wrong, as whole sentences.
    :param advice: what to do, as whole sentences.
    :param state: what state things are in, as a whole sentence.
    :param reason: see :class:`PolytomicError`.
    :param fields: see :class:`PolytomicError`.
    :param earlier_outcome_unknown: see :class:`PolytomicError`.
    :param key_was_issued: see :class:`PolytomicError`.
    """

    def __init__(
        self,
        problem: str = "",
        advice: str = "",
        *,
        state: str = "No request was sent.",
        reason: str = "",
        fields: Sequence[str] = (),
        earlier_outcome_unknown: bool = False,
        key_was_issued: bool = False,
    ) -> None:
        super().__init__(
            " ".join(filter(None, (problem, state, advice))),
            reason=reason,
            fields=fields,
            earlier_outcome_unknown=earlier_outcome_unknown,
            key_was_issued=key_was_issued,
        )
        self.problem = problem
        self.state = state
        self.advice = advice


class PolytomicApiError(PolytomicError):
    """An answer other than success.

    :param message: what happened, what state things are in, what to do.
    :param status: the HTTP status, 300-599.
    :param key: the machine-readable ``key`` of Polytomic's error body, if it has one.
    :param server_message: the server's words, bounded in length and free of anything that could be a key.
    :param retry_after: seconds that the server asked to wait, if it did.
    :param is_from_polytomic: whether the body is in one of Polytomic's own error forms, and not a proxy's or gateway's.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        key: str | None = None,
        server_message: str | None = None,
        retry_after: float | None = None,
        is_from_polytomic: bool = False,
        reason: str = "",
        fields: Sequence[str] = (),
        request: str = "",
        earlier_outcome_unknown: bool = False,
    ) -> None:
        super().__init__(
            message, reason=reason, fields=fields, request=request, earlier_outcome_unknown=earlier_outcome_unknown
        )
        self.status = status
        self.key = key
        self.server_message = server_message
        self.retry_after = retry_after
        self.is_from_polytomic = is_from_polytomic


class PolytomicUnauthorizedError(PolytomicApiError):
    """401: the key that was sent is unknown, expired or revoked."""


class PolytomicForbiddenError(PolytomicApiError):
    """403: the key that was sent may not do this, or (older servers) is unknown."""


class PolytomicNotFoundError(PolytomicApiError):
    """404: the organization or the user is unknown to this server, or not the caller's."""


class PolytomicRejectedError(PolytomicApiError):
    """400, 422, any other 4xx, or a redirect: the request as such is refused."""


class PolytomicConflictError(PolytomicApiError):
    """409: a request with this Idempotency-Key is in flight, a name is taken, or (Create API Key) a key exists."""

    retryable = True


class PolytomicAlreadyExistsError(PolytomicConflictError):
    """What was to be made or renamed has a name, or an e-mail address, that exists already."""

    retryable = False


class PolytomicRateLimitedError(PolytomicApiError):
    """429, still after the bounded retries."""

    retryable = True


class PolytomicServerError(PolytomicApiError):
    """500 in one of Polytomic's own error forms: under an Idempotency-Key it may be a recorded one."""

    retryable = True


class PolytomicUnavailableError(PolytomicApiError):
    """408, a 5xx other than 500, or a 500 that is not in Polytomic's words: it may or may not have taken effect."""

    retryable = True


class PolytomicConnectionError(PolytomicError):
    """The connection was refused or lost, or no answer came in time: the request may or may not have taken effect."""

    retryable = True


class PolytomicTaskStoppedError(PolytomicError):
    """The task was told to end before this was asked for; the next try looks again."""

    retryable = True


class PolytomicInvalidResponseError(PolytomicError):
    """A success without the promised content; its body is never shown, because it could hold a key."""


class PolytomicMissingKeyError(PolytomicInvalidResponseError):
    """A success in Polytomic's own form, ``{"data": ...}``, whose ``value`` is missing, empty or no key.

    Told apart because it settles an Idempotency-Key: Polytomic itself answered. A page of a proxy settles nothing.
    """


class SecretStoreError(PolytomicError):
    """Base of what a secret store raises; never raised itself.

    :param message: see :class:`PolytomicError`.
    :param reason: see :class:`PolytomicError`.
    :param fields: see :class:`PolytomicError`.
    :param place: where the secret is, as the message names it; empty where the message names none.
    """

    def __init__(self, message: str = "", *, reason: str = "", fields: Sequence[str] = (), place: str = "") -> None:
        super().__init__(message, reason=reason, fields=fields)
        self.place = place


class SecretStoreConflictError(SecretStoreError):
    """The value is no longer the one that was read: read again before writing."""

    retryable = True


class SecretStoreDeniedError(SecretStoreError):
    """The store refuses: the rights of its client do not suffice."""


class SecretStoreConfigurationError(SecretStoreError):
    """The store cannot hold the secret, or no reader would find it, until its configuration or content is changed."""


class SecretStoreUnavailableError(SecretStoreError):
    """The store did not answer, or not in time; whether it acted is not known, so read again."""

    retryable = True


class IssuanceError(PolytomicError):
    """Base of what issuing raises by itself; never raised itself."""


class IssuanceRefusedError(IssuanceError):
    """Somebody must decide or repair something first; the message says what."""


class IssuanceIncompleteError(IssuanceError):
    """Not finished; the record beside the destination lets the next try go on from here."""

    retryable = True
