"""Errors of this package, one class for each case that a caller handles differently.

::

    PolytomicError                              base; never raised itself
    ├── PolytomicConfigurationError             a parameter, connection or setting is invalid (also a ValueError)
    ├── PolytomicApiError                       a response other than success, with status, key and server message
    │   ├── PolytomicUnauthorizedError          401: the key is unknown, expired or revoked
    │   ├── PolytomicForbiddenError             403: the key has no right to do this
    │   ├── PolytomicNotFoundError              404: the organization or user does not exist
    │   ├── PolytomicRejectedError              400, 422, any other 4xx, or a redirect: the request is invalid
    │   ├── PolytomicConflictError              409: in progress, taken, or already there
    │   │   └── PolytomicAlreadyExistsError     the name or e-mail address is taken: use another one
    │   ├── PolytomicRateLimitedError           429
    │   ├── PolytomicServerError                500 from Polytomic, possibly recorded and replayed for 24 hours
    │   └── PolytomicUnavailableError           408, any other 5xx, or a 500 from a proxy: the outcome is unknown
    ├── PolytomicConnectionError                connection lost, or no response in time: the outcome is unknown
    ├── PolytomicTaskStoppedError               Airflow stopped the task before the request; no request was sent
    ├── PolytomicInvalidResponseError           a success with missing or unreadable content; the body is not shown
    │   └── PolytomicMissingKeyError            a success from Polytomic without the new key
    ├── SecretStoreError                        base; never raised itself
    │   ├── SecretStoreConflictError            another process changed the destination
    │   ├── SecretStoreDeniedError              the store denies access
    │   ├── SecretStoreConfigurationError       the store or its content cannot be used until someone changes it
    │   └── SecretStoreUnavailableError         no response from the store: the outcome is unknown
    └── IssuanceError                           base; never raised itself
        ├── IssuanceRefusedError                someone must decide or repair something; a retry does not help
        └── IssuanceIncompleteError             not finished; a retry continues

``retryable`` states for each class whether the same call can succeed later without a change. ``reason`` names the cause
and ``fields`` what to correct. Base decisions on these, never on the text.
No message, argument or attribute contains any part of a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

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

    :param message: what happened, the current state, and what to do.
    :param reason: stable name of the cause in snake_case, for decisions in code; empty if the class is specific enough.
    :param fields: names of the parameters, connection fields or Airflow settings to correct; never their values.
    :param request: method and path of the request, such as ``GET /api/me``; empty if there is none.
    :param earlier_outcome_unknown: whether an earlier attempt of the same request had no response, so that it may have
        taken effect whatever the last response says.
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what ``pickle`` and ``copy`` need to build an equal error."""
        return self._restore, (self.args, self.__dict__)

    @classmethod
    def _restore(cls, args: tuple[Any, ...], attributes: Mapping[str, Any]) -> Self:
        # Without __init__: it requires keywords that args lacks, and may add sentences to the message.
        error = cls.__new__(cls, *args)
        error.__dict__.update(attributes)
        return error


class PolytomicConfigurationError(PolytomicError, ValueError):
    """Raised if a parameter, a connection or an Airflow setting is invalid.

    :param problem: what is wrong, in whole sentences.
    :param advice: what to do, in whole sentences.
    :param state: the current state, as a whole sentence.
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
    """Raised if the response is not a success.

    :param message: what happened, the current state, and what to do.
    :param status: HTTP status, 300-599.
    :param key: machine-readable ``key`` of Polytomic's error body; None if there is none.
    :param server_message: the server's message, shortened and without anything that could be a key.
    :param retry_after: seconds in the response's ``Retry-After``; None if there is none.
    :param is_from_polytomic: whether the body has a form of Polytomic's errors, so that no proxy or gateway sent it.
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
    """Raised for 401: the key of the request is unknown, expired or revoked."""


class PolytomicForbiddenError(PolytomicApiError):
    """Raised for 403: the key of the request has no right to do this, or (older servers) is unknown."""


class PolytomicNotFoundError(PolytomicApiError):
    """Raised for 404: the organization or user does not exist on this server, or is not the caller's."""


class PolytomicRejectedError(PolytomicApiError):
    """Raised for 400, 422, any other 4xx, or a redirect: the request itself is invalid."""


class PolytomicConflictError(PolytomicApiError):
    """Raised for 409: a request with this Idempotency-Key is in progress, a name is taken, or a key already exists."""

    retryable = True


class PolytomicAlreadyExistsError(PolytomicConflictError):
    """Raised if the name or e-mail address for a new or renamed object is taken."""

    retryable = False


class PolytomicRateLimitedError(PolytomicApiError):
    """Raised for 429, after the limited number of repetitions."""

    retryable = True


class PolytomicServerError(PolytomicApiError):
    """Raised for 500 from Polytomic itself; with an Idempotency-Key, the response may be a recorded one."""

    retryable = True


class PolytomicUnavailableError(PolytomicApiError):
    """Raised for 408, a 5xx other than 500, or a 500 from a proxy: the request may have taken effect."""

    retryable = True


class PolytomicConnectionError(PolytomicError):
    """Raised if the connection fails or there is no response in time: the request may have taken effect."""

    retryable = True


class PolytomicTaskStoppedError(PolytomicError):
    """Raised if Airflow stops the task before a request; the next try continues."""

    retryable = True


class PolytomicInvalidResponseError(PolytomicError):
    """Raised if a success lacks the documented content; the body is never shown, because it could contain a key."""


class PolytomicMissingKeyError(PolytomicInvalidResponseError):
    """Raised if a success from Polytomic, ``{"data": ...}``, has no ``value`` or one that is no key.

    It has its own class because such a response completes an Idempotency-Key, while a proxy's page does not.
    """


class SecretStoreError(PolytomicError):
    """Base of the errors of secret stores; never raised itself.

    :param message: see :class:`PolytomicError`.
    :param reason: see :class:`PolytomicError`.
    :param fields: see :class:`PolytomicError`.
    :param place: where the secret is stored, as in the message; empty if the message names no place.
    """

    def __init__(self, message: str = "", *, reason: str = "", fields: Sequence[str] = (), place: str = "") -> None:
        super().__init__(message, reason=reason, fields=fields)
        self.place = place


class SecretStoreConflictError(SecretStoreError):
    """Raised if the stored value is no longer the one that was read; read it again before writing."""

    retryable = True


class SecretStoreDeniedError(SecretStoreError):
    """Raised if the store denies access, because its client lacks a right."""


class SecretStoreConfigurationError(SecretStoreError):
    """Raised if the store cannot store the secret, or no consumer can read it, until someone changes the store."""


class SecretStoreUnavailableError(SecretStoreError):
    """Raised if the store does not respond in time; the outcome is unknown, so read the value again."""

    retryable = True


class IssuanceError(PolytomicError):
    """Base of the errors of issuance; never raised itself."""


class IssuanceRefusedError(IssuanceError):
    """Raised if someone must decide or repair something first; the message says what."""


class IssuanceIncompleteError(IssuanceError):
    """Raised if issuance is not finished; with the record beside the destination, the next try continues."""

    retryable = True
