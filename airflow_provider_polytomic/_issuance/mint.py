"""Steps 3 and 4 of an issuance: obtain one key under an idempotency key, and hide it from the logs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.errors import RevokedKeyError, incomplete, refusal
from airflow_provider_polytomic._issuance.inspect import polytomic_time
from airflow_provider_polytomic._issuance.journal import next_idempotency_key, record_failure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    PolytomicApiError,
    PolytomicConfigurationError,
    PolytomicConflictError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicMissingKeyError,
    PolytomicNotFoundError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicTaskStoppedError,
    PolytomicUnauthorizedError,
)

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.journal import OpenIssuance
    from airflow_provider_polytomic._issuance.request import IssuanceRequest, Progress
    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["mint"]

# Longer than any gateway delays a request.
SETTLED_AFTER = timedelta(minutes=15)
REJECTIONS = (PolytomicUnauthorizedError, PolytomicForbiddenError, PolytomicNotFoundError, PolytomicRejectedError)


def mint(request: IssuanceRequest, progress: Progress, issuance: OpenIssuance) -> ApiKey:
    """Send the POST until it returns a key or a definite answer.

    An idempotency key is abandoned only once its outcome is settled. Everything that leaves the outcome open (no
    response, 408, 409, 429, 502-504) ends the try with the record open: the POST may still take effect, and a forced
    POST that takes effect late, under an abandoned idempotency key, would revoke a newer key.

    :raises RevokedKeyError: if the POST succeeded without returning a key.
    """
    first_error: PolytomicServerError | None = None  # under the current idempotency key
    while True:
        _check_not_stopping(request, progress)
        if issuance.posted_at is None:
            issuance.posted_at = request.clock.monotonic()
        progress.posted = True
        try:
            with progress.timed("mint", request.clock):
                key = request.polytomic.create_api_key(
                    issuance.target.org_id,
                    issuance.target.user_id,
                    force=request.is_forced,
                    idempotency_key=issuance.idempotency_key,
                )
        except PolytomicMissingKeyError:
            raise RevokedKeyError from None
        except PolytomicServerError as error:
            first_error = _handle_server_error(request, progress, issuance, error, first_error)
        except REJECTIONS as rejection:
            _handle_rejection(request, progress, issuance, rejection, first_error)
        except PolytomicError as error:
            if _is_final(progress, issuance, error):
                raise
            raise _outcome_unknown(request, progress, error) from error
        else:
            request.hide(key)
            progress.key_was_issued = True
            issuance.new_key = key
            issuance.issued_at = polytomic_time(request, progress)
            return key


def _check_not_stopping(request: IssuanceRequest, progress: Progress) -> None:
    if not request.stopping():
        return
    if progress.posted:
        what = "the task was asked to stop before the request was sent"
        raise incomplete(request, progress, what, reason="stopped")
    raise PolytomicTaskStoppedError(
        f"The task was asked to stop before it requested the key of {progress.target} for {request.store.place}. This "
        "try issued no key; a retry reads the destination again.",
        reason="stopped",
    )


def _handle_server_error(
    request: IssuanceRequest,
    progress: Progress,
    issuance: OpenIssuance,
    error: PolytomicServerError,
    first_error: PolytomicServerError | None,
) -> PolytomicServerError | None:
    """Have the request repeated once under the same idempotency key: the same error again settles its outcome.

    :returns: the error to compare the next one with; None if the next idempotency key is to be used.
    """
    if first_error is None:
        request.clock.pause(2)
        return error.with_traceback(None)  # which would be a cycle with the frame that keeps the error
    if (error.key, error.server_message) != (first_error.key, first_error.server_message):
        what = f"Polytomic returned two different errors. First: {first_error} Then: {error}"
        raise incomplete(request, progress, what, reason="outcome_unclear") from error
    if not request.is_forced:
        record_failure(request, issuance, use_up=True)
        raise IssuanceIncompleteError(
            f"Polytomic repeats the same error for {issuance.target}. The stored value is unchanged. {error} The next "
            "try sends a new request.",
            reason="recorded_error",
            key_was_issued=progress.key_was_issued,
        ) from error
    next_idempotency_key(request, progress, issuance, error)
    return None


def _handle_rejection(
    request: IssuanceRequest,
    progress: Progress,
    issuance: OpenIssuance,
    rejection: PolytomicApiError,
    first_error: PolytomicServerError | None,
) -> None:
    """Move on to the next idempotency key if the rejection settles this one; otherwise end the try."""
    if first_error is not None:
        what = f"Polytomic first failed ({first_error}), and then rejected the request ({rejection})"
        raise incomplete(request, progress, what, reason="outcome_unclear") from rejection
    if not rejection.is_from_polytomic:  # a proxy's page says nothing about what Polytomic did
        raise incomplete(request, progress, str(rejection), reason="proxy_answered") from rejection
    if issuance.unsettled or rejection.earlier_outcome_unknown:
        _wait_for_earlier_request(request, progress, issuance, rejection)
    elif not issuance.joined:
        record_failure(request, issuance, use_up=False)
        raise refusal(
            progress,
            f"Polytomic rejects the request for a key of {issuance.target}. The stored value is unchanged. {rejection}",
            reason="refused_by_polytomic",
        ) from rejection
    # The answer to an earlier try, which Polytomic replays for 24 hours even if its cause has been fixed since.
    next_idempotency_key(request, progress, issuance)


def _wait_for_earlier_request(
    request: IssuanceRequest, progress: Progress, issuance: OpenIssuance, rejection: PolytomicApiError
) -> None:
    """Return once the rejection has persisted for so long that no earlier request can still take effect.

    Polytomic may reject a request before it looks at the idempotency key (when it checks the credentials, for one).
    An earlier request under that key, left without a response, may then still take effect and revoke the next key.
    """
    now = polytomic_time(request, progress)
    since = issuance.record.rejected_at
    if since is not None and now - since >= SETTLED_AFTER:
        return
    if since is None:
        since = now
        issuance.record = replace(issuance.record, rejected_at=now)
        request.store.write_record(issuance.record.to_mapping())
    retry_at = (since + SETTLED_AFTER).isoformat(timespec="seconds")
    what = (
        f"Polytomic rejected the request ({rejection}), but an earlier request may still take effect. If the rejection "
        f"persists, the first retry after {retry_at} sends a new request"
    )
    raise incomplete(request, progress, what, reason="refusal_not_settled") from rejection


def _is_final(progress: Progress, issuance: OpenIssuance, error: PolytomicError) -> bool:
    """Whether a retry cannot help (against an untrusted certificate, for one) and no request is unsettled."""
    is_unsettled = issuance.unsettled or error.earlier_outcome_unknown or progress.key_was_issued
    return isinstance(error, PolytomicConfigurationError) and not is_unsettled


def _outcome_unknown(request: IssuanceRequest, progress: Progress, error: PolytomicError) -> IssuanceIncompleteError:
    if not isinstance(error, PolytomicConflictError):
        return incomplete(request, progress, str(error), reason="outcome_unknown")
    hint = "" if request.is_forced else " Without force this may mean that the user has a key already"
    return incomplete(request, progress, f"{error}{hint}", reason="conflict")
