"""Budget of failures: so many of one kind say that the other targets would fail like them.

That ends it before more keys are revoked than can be stored.
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

# What speaks of one target alone: a user who is gone, a destination that somebody must look at.
_ALONE = (IssuanceRefusedError, PolytomicNotFoundError, PolytomicRejectedError)


def root_cause_type(error: BaseException) -> type[BaseException]:
    """Return the type of the root cause: ``SecretStoreUnavailableError`` for a store that is down, say."""
    while isinstance(error, PolytomicError) and isinstance(error.__cause__, PolytomicError):
        error = error.__cause__
    return type(error)


class FailureBudget:
    """Counts what failed, by kind.

    What speaks of one target alone is not counted, unless a key was issued before it came to light: some customers who
    have left do not keep the others' keys from being rotated, and cost one request each.

    :param most: how many of one kind end the rotation.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[type[BaseException]] = Counter()
        # Whether any of them may go away without anybody's doing.
        self.retryable = False
        # Why the rotation ends, once it does.
        self.reason: str | None = None

    def failed(self, error: BaseException, words: str | None) -> None:
        """Count one.

        :param words: what may be told of it.
        """
        self.retryable = self.retryable or not isinstance(error, PolytomicError) or error.retryable
        if self.reason is not None:
            return  # it was under way
        kind = root_cause_type(error)
        if issubclass(kind, _ALONE) and not getattr(error, "key_was_issued", False):
            return
        self._counts[kind] += 1
        if self._counts[kind] >= self._most:
            self.reason = (
                f"{self._counts[kind]} targets failed with {kind.__name__}, as many as max_failures allows, so the "
                f"others would probably fail like them. The last one: {words}"
            )
