"""Budget for failures: many failures of one type predict that the remaining targets fail too.

The rotation then stops before it revokes more keys that it cannot replace.
"""

from __future__ import annotations

from collections import Counter

from airflow_provider_polytomic.exceptions import (
    IssuanceRefusedError,
    PolytomicError,
    PolytomicNotFoundError,
    PolytomicRejectedError,
)

__all__ = ["FailureBudget", "root_cause_type"]

# Errors about one target only: a deleted user, or a destination that needs a decision.
_SINGLE_TARGET_ERRORS = (IssuanceRefusedError, PolytomicNotFoundError, PolytomicRejectedError)


def root_cause_type(error: BaseException) -> type[BaseException]:
    """Return the type of the root cause, for example ``SecretStoreUnavailableError`` for a store that is down."""
    while isinstance(error, PolytomicError) and isinstance(error.__cause__, PolytomicError):
        error = error.__cause__
    return type(error)


class FailureBudget:
    """Counter of failures by type.

    Errors about one target only do not count, unless a key was issued before: customers who have left cost one request
    each, and the other keys are still rotated.

    :param failure_limit: number of failures of one type that stops the rotation.
    """

    def __init__(self, failure_limit: int) -> None:
        self._failure_limit = failure_limit
        self._counts: Counter[type[BaseException]] = Counter()
        # Whether a retry can fix any of the failures.
        self.retryable = False
        # Why the rotation stops; None while it continues.
        self.reason: str | None = None

    def record(self, error: BaseException, message: str | None) -> None:
        """Count one failure.

        :param message: the part of the error that is safe to show.
        """
        self.retryable = self.retryable or not isinstance(error, PolytomicError) or error.retryable
        if self.reason is not None:
            return  # the target was in progress when the rotation stopped
        error_type = root_cause_type(error)
        if issubclass(error_type, _SINGLE_TARGET_ERRORS) and not getattr(error, "key_was_issued", False):
            return
        self._counts[error_type] += 1
        if self._counts[error_type] >= self._failure_limit:
            self.reason = (
                f"{self._counts[error_type]} targets failed with {error_type.__name__}, which reaches max_failures. "
                f"The remaining targets would probably fail too. The last error: {message}"
            )
