"""Errors of an issuance: what happened, what state the destination is in, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicUnauthorizedError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic._issuance.request import IssuanceRequest, Progress
    from airflow_provider_polytomic._issuance.targets import Target

__all__ = ["RevokedKeyError", "describe_progress", "incomplete", "is_revoked", "needs_take_over", "refusal"]


class RevokedKeyError(Exception):
    """A key that was just issued or read back is revoked, or the POST succeeded without returning a key."""


def is_revoked(error: PolytomicError) -> bool:
    """Whether this response to ``GET /api/me`` means that the key is revoked.

    Polytomic answers 401 or, on older servers, 403. The same statuses from a proxy say nothing about the key.
    """
    return isinstance(error, PolytomicUnauthorizedError | PolytomicForbiddenError) and error.is_from_polytomic


def incomplete(request: IssuanceRequest, progress: Progress, what: str, *, reason: str) -> IssuanceIncompleteError:
    """Return the error that ends this try and lets the next one continue.

    :param what: why the try ends, as a clause.
    """
    if not progress.is_open:
        return IssuanceIncompleteError(
            f"The state of {request.store.place} is unknown: {what.rstrip('. ')}. This try requested no key and "
            "changed nothing. A retry reads the state again.",
            reason=reason,
            key_was_issued=progress.key_was_issued,
        )
    return IssuanceIncompleteError(
        f"The key of {progress.target} is not stored in {request.store.place} yet: {what.rstrip('. ')}. The record "
        "beside the destination keeps what was started; a retry continues from there and, within 24 hours, gets the "
        f"same key.{_describe_readers(request)}",
        reason=reason,
        key_was_issued=progress.key_was_issued,
    )


def refusal(progress: Progress, message: str, *, reason: str, fields: Sequence[str] = ()) -> IssuanceRefusedError:
    """Return the error that ends this try and asks the user to act first."""
    return IssuanceRefusedError(message, reason=reason, fields=fields, key_was_issued=progress.key_was_issued)


def needs_take_over(
    request: IssuanceRequest, progress: Progress, target: Target, what: str, *, reason: str
) -> IssuanceRefusedError:
    """Return the error that leaves the stored value as it is until the user decides about it.

    :param what: what the destination holds.
    """
    return refusal(
        progress,
        f"{request.store.place} holds {what}. The value is unchanged. {describe_progress(progress)} To replace it "
        f"with the key of {target}, set take_over=True; otherwise use another destination.",
        reason=reason,
        fields=("take_over", "destination"),
    )


def describe_progress(progress: Progress) -> str:
    """Return one sentence about the state in which this try leaves things."""
    if not progress.posted:
        return "Nothing was issued or changed."
    return (
        "A key was issued but is not confirmed as stored; the record beside the destination stays open, and for 24 "
        "hours a retry gets the same key."
    )


def _describe_readers(request: IssuanceRequest) -> str:
    """Return what a try that ends in the middle means for the readers of the destination."""
    if not request.is_forced:
        return ""
    if request.owners.standby:
        return " A key in use was not touched; its readers are not affected."
    return (
        f" The old key may have been revoked. If so, readers of {request.store.place} have no working key until a "
        "retry stores the new one. If no retry is left, clear the task now."
    )
