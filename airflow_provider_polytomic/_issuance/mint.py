"""How is one key obtained under an Idempotency-Key, and when is that given up for another? Steps 3, 4: mint, hide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.attempt import RevokedKeyError
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
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
    from airflow_provider_polytomic._issuance.attempt import Attempt, OpenIssuance
    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["mint"]

# Longer than any gateway holds a request back.
SETTLED_AFTER = timedelta(minutes=15)
REFUSED = (PolytomicUnauthorizedError, PolytomicForbiddenError, PolytomicNotFoundError, PolytomicRejectedError)


def mint(attempt: Attempt, intent: OpenIssuance) -> ApiKey:
    """Ask until there is a key or a definite answer.

    An idempotency key is burnt only once it is settled. Everything that leaves the outcome open (no answer, 408, 409,
    429, 502-504) ends the try with the record open: the POST may still be applied, and a forced one that is applied
    late under a key that was given up would revoke a newer key.

    :raises DeadKeyError: if the success came without a value.
    """
    while True:
        try:
            key = _post(attempt, intent)
        except REFUSED as refusal:
            _take_refusal(attempt, intent, refusal)
        except PolytomicServerError as error:
            attempt.clock.pause(2)
            if (recorded := _repeat(attempt, intent, error)) is not None:
                return recorded
            if not attempt.forced:
                attempt.fail(intent, use_up=True)
                raise IssuanceIncompleteError(
                    f"Polytomic repeats the same error for {attempt.target}: {error} {attempt.store.place} is "
                    "unchanged. The next try asks under another Idempotency-Key.",
                    reason="recorded_error",
                ) from error
            attempt.next_idempotency_key(intent, error)
        else:
            return key


def _take_refusal(attempt: Attempt, intent: OpenIssuance, refusal: PolytomicApiError) -> None:
    """Give up the idempotency key if the refusal settles it; end the try if it does not, or if it is the last word."""
    if not refusal.is_from_polytomic:  # a proxy's page: it tells nothing of what Polytomic did
        raise attempt.incomplete(str(refusal), reason="proxy_answered") from refusal
    if intent.unsettled or refusal.earlier_outcome_unknown:
        _wait_for_earlier(attempt, intent, refusal)
    elif not intent.joined:
        attempt.fail(intent, use_up=False)
        raise IssuanceRefusedError(
            f"Polytomic refuses to issue a key for {attempt.target}: {refusal} {attempt.store.place} is unchanged.",
            reason="refused_by_polytomic",
        ) from refusal
    attempt.next_idempotency_key(intent)  # told to an earlier try, perhaps put right since, and replayed for 24 hours


def _wait_for_earlier(attempt: Attempt, intent: OpenIssuance, refusal: PolytomicApiError) -> None:
    """Return once a refusal has stood for so long that no earlier request can still be on its way.

    It may have been told before Polytomic looked at the idempotency key (by the check of credentials, say), under which
    an earlier request, left without an answer, is still to be applied; and it would revoke what the next one makes.
    """
    now = attempt.now()
    since = intent.record.rejected_at
    if since is not None and now - since >= SETTLED_AFTER:
        return
    if since is None:
        since = now
        intent.record = replace(intent.record, rejected_at=now)
        attempt.store.write_record(intent.record.to_mapping())
    raise attempt.incomplete(
        f"Polytomic refuses now ({refusal}), but an earlier request may still be applied. If that stays so, the first "
        f"try after {(since + SETTLED_AFTER).isoformat(timespec='seconds')} asks anew",
        reason="refusal_not_settled",
    ) from refusal


def _repeat(attempt: Attempt, intent: OpenIssuance, error: PolytomicServerError) -> ApiKey | None:
    """Ask once more under the same Idempotency-Key: None if the same error comes back, which settles it."""
    try:
        return _post(attempt, intent)
    except PolytomicServerError as again:
        if (again.key, again.server_message) == (error.key, error.server_message):
            return None
        what = f"Polytomic fails in different ways ({error}) ({again})"
        raise attempt.incomplete(what, reason="outcome_unclear") from again
    except REFUSED as refusal:
        what = f"Polytomic failed first ({error}), and then refused ({refusal})"
        raise attempt.incomplete(what, reason="outcome_unclear") from refusal


def _post(attempt: Attempt, intent: OpenIssuance) -> ApiKey:
    if attempt.stopping():
        if not attempt.posted:
            raise PolytomicTaskStoppedError(
                f"The task was told to end before it asked for the key of {attempt.target} for {attempt.store.place}. "
                "This try issued nothing; the next one looks again.",
                reason="stopped",
            )
        raise attempt.incomplete("the task was asked to stop before the request was sent", reason="stopped")
    if intent.posted_at is None:
        intent.posted_at = attempt.clock.monotonic()
    attempt.posted = True
    target = attempt.target
    try:
        with attempt.timed("mint"):
            key = attempt.vendor.create_api_key(
                target.org_id, target.user_id, force=attempt.forced, idempotency_key=intent.idempotency_key
            )
    except PolytomicMissingKeyError:
        raise RevokedKeyError from None
    except (*REFUSED, PolytomicServerError):
        raise
    except PolytomicConfigurationError as error:  # a certificate, say; for good, unless something is under way
        if intent.unsettled or error.earlier_outcome_unknown:
            raise attempt.incomplete(str(error), reason="outcome_unknown") from error
        raise
    except PolytomicConflictError as conflict:
        hint = "" if attempt.forced else " Without force this may mean that the user has a key already"
        raise attempt.incomplete(f"{conflict}{hint}", reason="conflict") from conflict
    except PolytomicError as error:
        raise attempt.incomplete(str(error), reason="outcome_unknown") from error
    attempt.hide(key)
    attempt.minted = True
    intent.minted = key
    intent.minted_at = attempt.now()
    return key
