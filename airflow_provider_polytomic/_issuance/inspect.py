"""What does the destination hold, and what does that call for? Steps 1 and 2: look and intend."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.attempt import OpenIssuance, state_fingerprint
from airflow_provider_polytomic._issuance.protocols import Rotate
from airflow_provider_polytomic._issuance.record import MAX_APART, IssuanceRecord
from airflow_provider_polytomic._issuance.standby import next_user
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError, IssuanceRefusedError, SecretStoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic._issuance.attempt import Attempt
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = [
    "KeepDecision",
    "decide",
    "derive",
    "is_covered_by",
    "is_stale",
    "is_under_way",
    "open_or_join",
    "read_consistently",
    "read_state",
]

log = logging.getLogger(__name__)

# Polytomic keeps an idempotent outcome for "at least 24 hours" (API guide, "Idempotent requests").
REPLAYED_FOR = timedelta(hours=24)
# How often what keeps changing is read.
MAX_READS = 5
# Any constant will do, but it must never change: issuers of different versions of this package meet at one destination.
NAMESPACE = uuid.UUID("6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c11")


@dataclass(frozen=True)
class KeepDecision:
    """A stored key that is to be kept.

    :param owner: as whom it answers.
    :param record: the record that tells its age; None where none does.
    :param unfinished: the open record of an issuer that died after it had promoted this key.
    """

    key: ApiKey
    owner: Target
    record: IssuanceRecord | None
    unfinished: IssuanceRecord | None


def read_consistently(
    read: Callable[[], tuple[StoredSecret, IssuanceRecord | None]],
) -> tuple[StoredSecret, IssuanceRecord | None]:
    """Read what is held, and its record; where they do not fit together, again, until two looks are alike.

    Somebody was about to close, or has stored another key between the two reads. Who takes the record of a later key
    for what became of an earlier one, issues once more, and so revokes that later key.
    """
    held, record = read()
    for _ in range(MAX_READS - 1):
        if record is None or record.state != "done" or record.fingerprint == state_fingerprint(held):
            break
        before = held.version, record
        held, record = read()
        if (held.version, record) == before:
            break
    return held, record


def read_state(attempt: Attempt) -> tuple[StoredSecret, IssuanceRecord | None]:
    """Read the destination and its record."""
    held, record = read_consistently(attempt.read)
    if record and record.target not in attempt.users:
        # What failed for somebody else (a mistyped id, a standby user who is gone) has left nothing of theirs here.
        if not attempt.take_over and record.state != "failed":
            siblings = record.target.org_id == attempt.target.org_id and not attempt.users.standby
            turns = " If the two users take turns here, give both: user_id and standby_user_id." if siblings else ""
            raise IssuanceRefusedError(
                f"{attempt.store.place} belongs to {record.target}, not to {attempt.users}. {attempt.state} Correct "
                f"the ids, or use another destination.{turns} If this one is to change hands, set take_over=True.",
                reason="record_of_another_user",
                fields=("org_id", "user_id", "destination"),
            )
        # Of what is stored since before that, it is still all that tells that it was issued here; not how old it is.
        if attempt.take_over or record.previous_fingerprint != state_fingerprint(held):
            record = None
    return held, record


def decide(attempt: Attempt, held: StoredSecret, record: IssuanceRecord | None) -> KeepDecision | None:
    """Decide about what is stored: keep it, replace it (None), or leave it alone (an error).

    With a standby user, it also decides whose key is to take its place: ``attempt.target``.
    """
    kept = _judge(attempt, held, record)
    if kept is None and held.changes_format and not attempt.take_over:
        what = "a connection in another form, one URI, which would be replaced by fields"
        raise needs_take_over(attempt, what, reason="stored_as_uri")
    return kept


def _judge(attempt: Attempt, held: StoredSecret, record: IssuanceRecord | None) -> KeepDecision | None:
    if held.is_foreign and not attempt.take_over:
        what = "something other than a Polytomic key; it was not sent to Polytomic"
        raise needs_take_over(attempt, what, reason="foreign_value")
    key = held.value
    if key is None:
        attempt.in_use = None
        attempt.target = next_user(attempt.users, record, in_use=None)
        return None
    if attempt.vendor.is_own_key(key):
        raise IssuanceRefusedError(
            f"{attempt.store.place} holds the caller's own key, with which keys are issued. Nothing was issued or "
            "changed. Use another destination.",
            reason="callers_own_key",
            fields=("destination",),
        )
    if not (held.is_recognised or attempt.take_over or is_covered_by(key, record)):
        what = "a value that this package did not put there; it was not sent to Polytomic"
        raise needs_take_over(attempt, what, reason="unknown_value")
    dated = record if record and record.state == "done" and record.fingerprint == key.fingerprint else None
    is_due = isinstance(attempt.mode, Rotate) and _is_due(attempt.mode, record, dated)
    if is_due and not attempt.users.standby:
        return None  # whether it works or not
    owner = attempt.owner(key, or_another=attempt.take_over)
    is_due = is_due or _is_ahead(attempt, dated)
    if record and owner and (unfinished := _unfinished(attempt, key, owner, record)):
        return KeepDecision(key, owner, None, unfinished)
    if owner and not is_due and (dated or not attempt.forced):
        _report_younger(attempt, dated)
        return KeepDecision(key, owner, dated, None)
    if record is None and not attempt.take_over:
        if owner:
            what = "a working key of this user, but no record of its age"
            raise needs_take_over(attempt, what, reason="age_unknown")
        raise needs_take_over(attempt, "a dead key without a record", reason="dead_without_record")
    attempt.in_use = owner
    attempt.target = next_user(attempt.users, record, in_use=owner)
    return None


def _is_due(mode: Rotate, record: IssuanceRecord | None, dated: IssuanceRecord | None) -> bool:
    """Whether an issuance is to be resumed, or the key of the record has its age."""
    is_resumed = record is not None and record.state == "open" and record.forced
    return is_resumed or (dated is not None and mode.is_due(dated))


def _is_ahead(attempt: Attempt, dated: IssuanceRecord | None) -> bool:
    """Whether a key that is not due counts from a time to come: to believe that would end all renewals in silence."""
    if not isinstance(attempt.mode, Rotate) or dated is None or dated.is_of(attempt.mode.run):
        return False
    if dated.counts_from <= max(attempt.now(begun=False), attempt.mode.run.time) + MAX_APART:
        return False
    log.warning(
        "The record beside %s says that the key was issued at %s, which is yet to come by Polytomic's clock and for "
        "this run. It is renewed.",
        attempt.store.place,
        dated.counts_from.isoformat(),
    )
    return True


def _report_younger(attempt: Attempt, dated: IssuanceRecord | None) -> None:
    """Report a key that is kept because Polytomic's clock says that it was issued after this run.

    So it is for an older run that is cleared; but also for a later run, if that clock is days fast.
    """
    mode = attempt.mode
    if isinstance(mode, Rotate) and dated and not dated.is_of(mode.run) and dated.counts_from > mode.run.time:
        log.warning(
            "The key in %s counts as issued at %s, after the time of this DAG run (%s), and is kept.",
            attempt.store.place,
            dated.counts_from.isoformat(),
            mode.run.time.isoformat(),
        )


def is_covered_by(key: ApiKey, record: IssuanceRecord | None) -> bool:
    """Whether the record speaks of this value: it is the one that was stored, or the one that an issuance began with or
    may just have stored. A value that somebody has put in the place of a finished issuance's is not.
    """
    return record is not None and (record.state != "done" or record.fingerprint == key.fingerprint)


def _unfinished(attempt: Attempt, key: ApiKey, owner: Target, record: IssuanceRecord) -> IssuanceRecord | None:
    """Return the open record if the key that it stands for has been promoted, and is not due again since.

    A forced one for a single user is not believed: another of the user's keys may have come there, and die with the
    next POST. With a standby user, that POST would kill the key in use, so it must not be sent.
    """
    if record.state != "open" or record.previous_fingerprint == key.fingerprint:
        return None
    if isinstance(attempt.mode, Rotate):
        is_promoted = record.forced and attempt.users.standby and owner == record.target
        is_due = is_stale(attempt, record) and attempt.mode.is_due(record)
        return record if is_promoted and not is_due else None
    return record if not record.forced or (attempt.users.standby and owner == record.target) else None


def is_stale(attempt: Attempt, unfinished: IssuanceRecord) -> bool:
    """Whether an issuance has been open for longer than a retry would get the same key.

    A key that was promoted under it is as old as it is then. Before, it counts as this run's.
    """
    return attempt.now() - unfinished.opened_at > REPLAYED_FOR


def needs_take_over(attempt: Attempt, what: str, *, reason: str) -> IssuanceRefusedError:
    """Say that what is stored stays as it is until the user decides."""
    return IssuanceRefusedError(
        f"{attempt.store.place} holds {what}. It stays as it is, and nothing was issued. If it may be replaced by the "
        f"key of {attempt.target}, set take_over=True; otherwise use another destination.",
        reason=reason,
        fields=("take_over", "destination"),
    )


def derive(attempt: Attempt, held: StoredSecret, record: IssuanceRecord | None) -> OpenIssuance:
    """Join the open issuance, or derive the one that every issuer who sees this state derives."""
    target = attempt.target
    if record and _is_joined(attempt, held, record):
        if attempt.users.standby and is_stale(attempt, record):
            # Whoever finds its key promoted would take it for as old as that, and issue another one.
            record = replace(record, opened_at=attempt.now())
        return OpenIssuance(replace(record, run=attempt.later_run(record)), held, joined=True, unsettled=True)
    if record and record.state == "open" and record.forced and not attempt.forced:
        raise IssuanceIncompleteError(
            f"A forced issuance of {attempt.target} for {attempt.store.place} is open since "
            f"{record.opened_at.isoformat()}. This try issued nothing. Let that one finish (run its task again if it "
            "died), then try again.",
            reason="forced_issuance_open",
        )
    before = state_fingerprint(held)
    state = json.dumps([attempt.store.identity, target.org_id, target.user_id, attempt.forced, before])
    issuance_id = str(uuid.uuid5(NAMESPACE, state))
    joined = record is not None and record.issuance_id == issuance_id
    spent = record.idempotency_keys_used if record and joined else 0
    opened = IssuanceRecord(
        "open",
        issuance_id,
        attempt.forced,
        spent,
        attempt.now(begun=record is not None and record.state == "open"),
        before,
        target,
        run=attempt.mode.run,
        unknown=record.unknown if record else (),
    )
    return OpenIssuance(opened, held, joined)


def _is_joined(attempt: Attempt, held: StoredSecret, record: IssuanceRecord) -> bool:
    """Whether this is the open issuance to go on with.

    With a standby user, an old one has been overtaken if neither what it began with nor its own key is in use. While it
    is young, whoever opened it may still be there, and two who send the same idempotency key get the same key.
    """
    if record.state != "open" or record.forced != attempt.forced or record.target != attempt.target:
        return False
    is_elsewhere = attempt.users.standby and attempt.in_use and record.previous_fingerprint != state_fingerprint(held)
    return not (is_elsewhere and is_stale(attempt, record))


def is_under_way(attempt: Attempt) -> bool:
    """Whether a forced issuance is open, so that consumers may be cut off until somebody finishes it."""
    try:
        record = IssuanceRecord.parse(attempt.store.read_record(), place=attempt.store.place)
    except SecretStoreError:
        return False
    return record is not None and record.state == "open" and record.forced and record.target in attempt.users


def open_or_join(attempt: Attempt, held: StoredSecret, record: IssuanceRecord | None) -> OpenIssuance | None:
    """Prove the right to write, then write the record as open. Until both are done, no POST is sent.

    :returns: None if the destination must be looked at once more. With a standby user, that is if it has changed since:
        another issuer, who does not share this one's Idempotency-Key (a create task, one whose users are the other way
        round), may have stored a key of the very user whose keys the POST is to revoke.
    """
    intent = derive(attempt, held, record)
    if intent.unsettled and record and is_stale(attempt, record):
        log.warning(
            "The issuance of the key of %s for %s has been open since %s. If Polytomic issued a key then, it may "
            "have forgotten that by now; the key is then lost and another one is issued.",
            attempt.target,
            attempt.store.place,
            record.opened_at.isoformat(),
        )
    attempt.store.check_write(held)
    attempt.store.write_record(intent.record.to_mapping())
    if attempt.users.standby and attempt.store.read().version != held.version:
        return None
    return intent
