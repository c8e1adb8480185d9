"""Decision about a stored key: keep it, replace it, or refuse to touch it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.errors import needs_take_over, refusal
from airflow_provider_polytomic._issuance.inspect import find_owner, is_stale, polytomic_time
from airflow_provider_polytomic._issuance.record import MAX_APART
from airflow_provider_polytomic._issuance.request import Rotate
from airflow_provider_polytomic._issuance.standby import next_user

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.record import IssuanceRecord
    from airflow_provider_polytomic._issuance.request import IssuanceRequest, Progress
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = ["KeepDecision", "ReplaceDecision", "decide", "is_covered_by"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeepDecision:
    """The stored key stays.

    :param owner: the user whose key it is.
    :param record: the record that tells its age; None without one.
    :param unfinished: the open record of an issuer that died after it had promoted this key.
    """

    key: ApiKey
    owner: Target
    record: IssuanceRecord | None
    unfinished: IssuanceRecord | None


@dataclass(frozen=True)
class ReplaceDecision:
    """A new key takes the place of what is stored.

    :param target: the user whose key is to be issued.
    :param in_use: the user whose working key is stored, if Polytomic was asked.
    """

    target: Target
    in_use: Target | None = None


def decide(
    request: IssuanceRequest, progress: Progress, stored: StoredSecret, record: IssuanceRecord | None
) -> KeepDecision | ReplaceDecision:
    """Decide what happens to what is stored. Changes nothing.

    :raises IssuanceRefusedError: if the user must decide first.
    """
    if stored.is_foreign and not request.take_over:
        what = "something other than a Polytomic key; it was not sent to Polytomic"
        raise needs_take_over(request, progress, progress.target, what, reason="foreign_value")
    decision: KeepDecision | ReplaceDecision
    if stored.value is None:
        decision = _replace(request, record, in_use=None)
    else:
        _check_can_be_sent(request, progress, stored, stored.value, record)
        decision = _decide_about_key(request, progress, stored.value, record)
    if isinstance(decision, ReplaceDecision) and stored.changes_format and not request.take_over:
        what = "a connection in another format, a single URI, which would be replaced with fields"
        raise needs_take_over(request, progress, decision.target, what, reason="stored_as_uri")
    return decision


def _check_can_be_sent(
    request: IssuanceRequest, progress: Progress, stored: StoredSecret, key: ApiKey, record: IssuanceRecord | None
) -> None:
    if request.polytomic.is_own_key(key):
        raise refusal(
            progress,
            f"{request.store.place} holds the caller's own key, with which keys are issued. Nothing was issued or "
            "changed. Use another destination.",
            reason="callers_own_key",
            fields=("destination",),
        )
    if not (stored.is_recognised or request.take_over or is_covered_by(key, record)):
        what = "a value that this package did not store; it was not sent to Polytomic"
        raise needs_take_over(request, progress, progress.target, what, reason="unknown_value")


def is_covered_by(key: ApiKey, record: IssuanceRecord | None) -> bool:
    """Whether the record accounts for this value.

    A completed record accounts for the key that it names only, not for a value that was stored in that key's place. An
    open or failed record accounts for any value: the issuance began with it, or may just have stored it.
    """
    return record is not None and (record.state != "done" or record.fingerprint == key.fingerprint)


def _decide_about_key(
    request: IssuanceRequest, progress: Progress, key: ApiKey, record: IssuanceRecord | None
) -> KeepDecision | ReplaceDecision:
    dated = record if record and record.state == "done" and record.fingerprint == key.fingerprint else None
    is_due = isinstance(request.mode, Rotate) and _is_due(request.mode, record, dated)
    if is_due and not request.owners.standby:
        return ReplaceDecision(request.owners.first)  # whether the key works or not
    owner = find_owner(request, progress, key, ignore_others=request.take_over)
    is_due = is_due or _is_from_the_future(request, progress, dated)
    if record and owner and (unfinished := _promoted_before(request, progress, key, owner, record)):
        return KeepDecision(key, owner, None, unfinished)
    if owner and not is_due and (dated or not request.is_forced):
        _warn_about_later_key(request, dated)
        return KeepDecision(key, owner, dated, None)
    if record is None and not request.take_over:
        if owner:
            what = "a working key of this user without a record of its age"
            raise needs_take_over(request, progress, progress.target, what, reason="age_unknown")
        what = "a revoked key without a record"
        raise needs_take_over(request, progress, progress.target, what, reason="dead_without_record")
    return _replace(request, record, in_use=owner)


def _replace(request: IssuanceRequest, record: IssuanceRecord | None, *, in_use: Target | None) -> ReplaceDecision:
    return ReplaceDecision(next_user(request.owners, record, in_use=in_use), in_use)


def _is_due(mode: Rotate, record: IssuanceRecord | None, dated: IssuanceRecord | None) -> bool:
    """Whether a forced issuance is to be resumed, or the key of the record has reached its age."""
    is_resumed = record is not None and record.state == "open" and record.forced
    return is_resumed or (dated is not None and mode.is_due(dated))


def _is_from_the_future(request: IssuanceRequest, progress: Progress, dated: IssuanceRecord | None) -> bool:
    """Whether the age of a key counts from a time that lies ahead: believing it would silently end all rotations."""
    if not isinstance(request.mode, Rotate) or dated is None or dated.is_of(request.mode.run):
        return False
    now = polytomic_time(request, progress, is_open=False)
    if dated.counts_as_issued_at <= max(now, request.mode.run.time) + MAX_APART:
        return False
    log.warning(
        "%s: the key's time of issue is in the future; the key is rotated\n"
        "It counts as issued at %s; Polytomic's clock is behind that.",
        request.store.place,
        dated.counts_as_issued_at.isoformat(),
    )
    return True


def _warn_about_later_key(request: IssuanceRequest, dated: IssuanceRecord | None) -> None:
    """Warn that a key is kept because, by Polytomic's clock, it was issued after this run.

    That is normal for an older run that is cleared. It also happens to a later run if that clock is days fast.
    """
    mode = request.mode
    if isinstance(mode, Rotate) and dated and not dated.is_of(mode.run) and dated.counts_as_issued_at > mode.run.time:
        log.warning(
            "%s: the key was issued after this DAG run and is kept\nIt counts as issued at %s; the run is at %s.",
            request.store.place,
            dated.counts_as_issued_at.isoformat(),
            mode.run.time.isoformat(),
        )


def _promoted_before(
    request: IssuanceRequest, progress: Progress, key: ApiKey, owner: Target, record: IssuanceRecord
) -> IssuanceRecord | None:
    """Return the open record if its key has been promoted and is not due again since.

    A forced record for a single user is no evidence: another key of the user may have been stored, which the next POST
    revokes. With a standby user, that POST would revoke the key in use, so it must not be sent.
    """
    if record.state != "open" or record.previous_fingerprint == key.fingerprint:
        return None
    is_promoted = record.forced and request.owners.standby and owner == record.target
    if isinstance(request.mode, Rotate):
        is_due = is_stale(request, progress, record) and request.mode.is_due(record)
        return record if is_promoted and not is_due else None
    return record if is_promoted or not record.forced else None
