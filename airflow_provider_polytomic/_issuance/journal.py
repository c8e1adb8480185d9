"""Step 2 of an issuance, and everything else that is written to its record: the journal that survives a crash."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.errors import incomplete
from airflow_provider_polytomic._issuance.inspect import is_stale, polytomic_time, state_fingerprint
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_polytomic._issuance.decide import ReplaceDecision
    from airflow_provider_polytomic._issuance.request import IssuanceRequest, Progress
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.exceptions import PolytomicError
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = [
    "OpenIssuance",
    "next_idempotency_key",
    "open_or_join",
    "record_done",
    "record_failure",
    "write_intent",
]

log = logging.getLogger(__name__)

# A server or proxy that rejects everything must not make one try create keys without end.
MAX_ABANDONED_KEYS = 2
# Any constant will do, but it must never change: issuers of different versions of this package meet at one destination.
NAMESPACE = uuid.UUID("6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c11")


@dataclass
class OpenIssuance:
    """The issuance that this try works on.

    :param record: as it was last written.
    :param stored: what the destination held when it was last read.
    :param joined: whether an earlier try may have sent its POST already.
    :param unsettled: whether that is so and the outcome of that POST is unknown.
    :param new_key: the key that Polytomic returned to this try.
    :param issued_at: when Polytomic returned it, by Polytomic's clock.
    :param posted_at: when this try sent its first POST, on the monotonic clock.
    """

    record: IssuanceRecord
    stored: StoredSecret
    joined: bool
    unsettled: bool = False
    new_key: ApiKey | None = None
    issued_at: datetime | None = None
    posted_at: float | None = None

    @property
    def target(self) -> Target:
        """The user whose key is issued."""
        return self.record.target

    @property
    def idempotency_key(self) -> str:
        """The current idempotency key: 38 or more of the characters that Polytomic allows."""
        return f"{self.record.issuance_id}-{self.record.idempotency_keys_used}"

    def is_named_by(self, record: IssuanceRecord) -> bool:
        """Whether the record still names this issuance and idempotency key."""
        return (record.issuance_id, record.idempotency_keys_used) == (
            self.record.issuance_id,
            self.record.idempotency_keys_used,
        )


def open_or_join(
    request: IssuanceRequest,
    progress: Progress,
    decision: ReplaceDecision,
    stored: StoredSecret,
    record: IssuanceRecord | None,
) -> OpenIssuance:
    """Join the open issuance, or derive the one that every issuer who sees this state derives. Writes nothing.

    :raises IssuanceIncompleteError: if a forced issuance is open and this request is not forced.
    """
    if record and _can_join(request, progress, decision, stored, record):
        if request.owners.standby and is_stale(request, progress, record):
            # Otherwise an issuer that finds its key promoted would consider the key that old and issue another one.
            record = replace(record, opened_at=polytomic_time(request, progress))
        return OpenIssuance(replace(record, run=request.later_run(record)), stored, joined=True, unsettled=True)
    target = decision.target
    if record and record.state == "open" and record.forced and not request.is_forced:
        raise IssuanceIncompleteError(
            f"A forced issuance of a key of {target} for {request.store.place} is open since "
            f"{record.opened_at.isoformat()}. This try issued no key. Let that issuance finish (run its task again if "
            "the task died), then try again.",
            reason="forced_issuance_open",
            key_was_issued=progress.key_was_issued,
        )
    before = state_fingerprint(stored)
    state = json.dumps([request.store.identity, target.org_id, target.user_id, request.is_forced, before])
    issuance_id = str(uuid.uuid5(NAMESPACE, state))
    is_known = record is not None and record.issuance_id == issuance_id
    opened = IssuanceRecord(
        "open",
        issuance_id,
        request.is_forced,
        idempotency_keys_used=record.idempotency_keys_used if record and is_known else 0,
        opened_at=polytomic_time(request, progress, is_open=record is not None and record.state == "open"),
        previous_fingerprint=before,
        target=target,
        run=request.mode.run,
        unknown=record.unknown if record else (),
    )
    return OpenIssuance(opened, stored, joined=is_known)


def _can_join(
    request: IssuanceRequest,
    progress: Progress,
    decision: ReplaceDecision,
    stored: StoredSecret,
    record: IssuanceRecord,
) -> bool:
    """Whether this is the open issuance to continue.

    With a standby user, a stale one has been overtaken if neither the value that it began with nor its own key is in
    use. Before it is stale, its issuer may still be at work, and two that send the same idempotency key get the same
    key.
    """
    if record.state != "open" or record.forced != request.is_forced or record.target != decision.target:
        return False
    is_other_in_use = (
        request.owners.standby and decision.in_use and record.previous_fingerprint != state_fingerprint(stored)
    )
    return not (is_other_in_use and is_stale(request, progress, record))


def write_intent(
    request: IssuanceRequest, progress: Progress, issuance: OpenIssuance, record: IssuanceRecord | None
) -> bool:
    """Check the right to write, then write the record as open. Until both are done, no POST is sent.

    :param record: the record as it was read.
    :returns: False if the destination must be read again. With a standby user, that is if it has changed since: another
        issuer that does not share this one's idempotency key (a create task, or a task with the two users swapped) may
        have stored a key of the very user whose keys the POST would revoke.
    """
    if issuance.unsettled and record and is_stale(request, progress, record):
        log.warning(
            "%s: the issuance has been open for more than 24 hours\n"
            "Open since %s. If Polytomic created a key, it may be lost; another key is issued for %s.",
            request.store.place,
            record.opened_at.isoformat(),
            issuance.target,
        )
    request.store.check_write(issuance.stored)
    request.store.write_record(issuance.record.to_mapping())
    progress.is_open = True
    return not request.owners.standby or request.store.read().version == issuance.stored.version


def next_idempotency_key(
    request: IssuanceRequest, progress: Progress, issuance: OpenIssuance, cause: PolytomicError | None = None
) -> None:
    """Abandon a settled idempotency key for the next one, and record that before the next one is used."""
    if progress.keys_abandoned == MAX_ABANDONED_KEYS:
        what = f"Polytomic returned no usable key {MAX_ABANDONED_KEYS + 1} times ({cause or 'revoked keys'})"
        raise incomplete(request, progress, what, reason="no_usable_key") from cause
    progress.keys_abandoned += 1
    issuance.record = replace(
        issuance.record, idempotency_keys_used=issuance.record.idempotency_keys_used + 1, rejected_at=None
    )
    issuance.joined = issuance.unsettled = False
    request.store.write_record(issuance.record.to_mapping())


def record_failure(request: IssuanceRequest, issuance: OpenIssuance, *, use_up: bool) -> None:
    """Record a definite failure.

    :param use_up: whether the next issuance from the same state starts with the next idempotency key. Otherwise it
        starts with this one: Polytomic may have rejected the request before it looked at the idempotency key, under
        which an earlier request had its effect.
    """
    used = issuance.record.idempotency_keys_used + (1 if use_up else 0)
    failed = replace(issuance.record, state="failed", idempotency_keys_used=used, rejected_at=None)
    request.store.write_record(failed.to_mapping())


def record_done(
    request: IssuanceRequest, record: IssuanceRecord, key: ApiKey, owner: Target, *, issued_at: datetime
) -> IssuanceRecord:
    """Record whose key is stored since when, and return that record.

    :param issued_at: by Polytomic's clock; never before the issuance was opened, whichever server's clock that was.
    """
    done = replace(
        record,
        target=owner,
        state="done",
        idempotency_keys_used=record.idempotency_keys_used + 1,
        fingerprint=key.fingerprint,
        issued_at=max(issued_at, record.opened_at),
        rejected_at=None,
    )
    request.store.write_record(done.to_mapping())
    return done
