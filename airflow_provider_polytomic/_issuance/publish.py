"""How does a key become the one that readers get, provably? Steps 5 to 8: verify, promote, prove, close."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.attempt import (
    ABSENT,
    RevokedKeyError,
    belongs_to,
    describe_owner,
    is_revoked,
    state_fingerprint,
)
from airflow_provider_polytomic._issuance.inspect import is_stale, needs_take_over
from airflow_provider_polytomic._issuance.record import MAX_APART
from airflow_provider_polytomic._issuance.reference import KeyReference
from airflow_provider_polytomic.exceptions import (
    IssuanceRefusedError,
    PolytomicError,
    SecretStoreConflictError,
    SecretStoreError,
    SecretStoreUnavailableError,
)

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.attempt import Attempt, OpenIssuance
    from airflow_provider_polytomic._issuance.inspect import KeepDecision
    from airflow_provider_polytomic._issuance.record import IssuanceRecord
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = ["ConfirmedKey", "close", "confirm", "keep_existing", "promote", "verify"]

log = logging.getLogger(__name__)

# How often a store call is tried while the key is in memory only, and how often a stale read-back is read again: within
# 8 s.
STORE_TRIES = 5
# Seconds that the verification of a new key may hold up its promotion.
VERIFY_SECONDS = 2.0
# A key may take a moment to be known to every server of Polytomic's: asked so often before it is taken for dead.
VERIFY_TRIES = 3


@dataclass(frozen=True)
class ConfirmedKey:
    """What readers get, and what Polytomic says of it.

    :param key: it works; it may be one that somebody else put there meanwhile.
    :param owner: as whom it answers.
    :param read_at: when it was read, on the monotonic clock.
    """

    key: ApiKey
    owner: Target
    read_at: float


def verify(attempt: Attempt, key: ApiKey) -> bool:
    """Whether the new key answered as the target; False means that there was no answer, which is not "dead".

    It does not wait long for one: with ``force``, consumers are cut off meanwhile, and the proof comes after.

    :raises DeadKeyError: if Polytomic does not know the key.
    :raises IssuanceRefusedError: if it is somebody else's.
    """
    for tries in range(VERIFY_TRIES):
        try:
            with attempt.timed("verify"):
                identity = attempt.vendor.get_identity(key, retry_for=VERIFY_SECONDS)
            break
        except PolytomicError as error:
            if not is_revoked(error):
                return False
        attempt.clock.pause(tries)
    else:
        raise RevokedKeyError
    if belongs_to(attempt.target, identity):
        return True
    raise IssuanceRefusedError(
        f"The key that Polytomic issued for {attempt.target} answers as {describe_owner(identity)}. It was not stored; "
        f"{attempt.store.place} is unchanged. Ask Polytomic's support; for 24 hours a retry gets the same key.",
        reason="issued_key_of_another_user",
    )


def promote(attempt: Attempt, intent: OpenIssuance, key: ApiKey, *, verified: bool) -> ApiKey:
    """Make the key the one that readers get.

    :param verified: it has answered; one that has not may only replace what was there before (no other key is live
        then), and never with a standby user, where the key in use lives on.
    :returns: the key, or the working key that somebody else put there meanwhile.
    """
    looked_at = intent.held.version
    problem: SecretStoreError | None = None
    for tries in range(STORE_TRIES):
        held = intent.held
        if key.matches(held.value):
            return key
        if (held.is_foreign or held.changes_format) and not (attempt.take_over and held.version == looked_at):
            what = "something other than a Polytomic key, which came there meanwhile"
            raise needs_take_over(attempt, what, reason="foreign_value")
        changed = state_fingerprint(held) != intent.record.previous_fingerprint
        if not verified and (changed or attempt.users.standby):
            meanwhile = "somebody changed the destination" if changed else "the key in use stays"
            what = f"{meanwhile}, and Polytomic did not say whether the new key works"
            raise attempt.incomplete(what, reason="new_key_unverified")
        if changed and held.value is not None and attempt.owner(held.value):
            return held.value
        try:
            with attempt.timed("promote"):
                version = attempt.store.write(key, held)
        except SecretStoreConflictError:
            intent.held = _reread(attempt)
            verified = verify(attempt, key)
        except SecretStoreUnavailableError as error:  # it may have acted: what is there now tells
            problem = error
            attempt.clock.pause(tries)
            intent.held = _reread(attempt)
        else:
            intent.held = replace(held, value=key, version=version)
            return key
    what = f"the store could not be written in {STORE_TRIES} tries ({problem or 'it kept changing'})"
    raise attempt.incomplete(what, reason="store_failed") from problem


def confirm(attempt: Attempt, intent: OpenIssuance, key: ApiKey) -> ConfirmedKey:
    """Read what readers get, and ask Polytomic about it.

    :raises DeadKeyError: if what was read back does not answer, or nothing is there any more.
    """
    with attempt.timed("read back"):
        back = _read_back(attempt, key, before=intent.record.previous_fingerprint, stored=True)
    read_at = attempt.clock.monotonic()
    with attempt.timed("confirm"):
        owner = attempt.owner(back) if back else None
    if back is None or owner is None:
        raise RevokedKeyError
    return ConfirmedKey(back, owner, read_at)


def _read_back(attempt: Attempt, key: ApiKey, *, before: str, stored: bool = False) -> ApiKey | None:
    """Return what readers get: the key, or what somebody else stored meanwhile, or None if it was removed meanwhile.

    :param before: what they may still get for a moment, where the store's readers lag behind.
    :param stored: the key was stored in the place of ``before`` just now, so that whoever reads that is behind, the
        store's own reads too: AWS Secrets Manager reads are eventually consistent.
    """
    for tries in range(STORE_TRIES):
        back = attempt.store.read_back()
        if back is not None and key.matches(back):
            return back
        found = back.fingerprint if back else ABSENT
        held = attempt.store.read()
        if found == state_fingerprint(held) and not (stored and found == before):
            return back
        attempt.clock.pause(tries)
    if found == before:
        what = "it is stored, but readers still get what was there before"
        raise attempt.incomplete(what, reason="readers_behind")
    raise IssuanceRefusedError(
        f"The key of {attempt.target} is stored in {attempt.store.place}, but readers get something else: "
        f"{_shadow(attempt, held)}. Remove what shadows it and run the task again; it finds the same key.",
        reason="shadowed",
    )


def _shadow(attempt: Attempt, held: StoredSecret) -> str:
    try:
        attempt.store.check_write(held)
    except SecretStoreError as error:  # the store can name it
        return str(error).rstrip(". ")
    return "another secrets backend, an environment variable or another entry answers first"


def close(attempt: Attempt, intent: OpenIssuance, proven: ConfirmedKey) -> KeyReference:
    """Record whose key is stored since when, and return the reference to it."""
    key = proven.key
    done = attempt.done(intent.record, key, proven.owner, issued_at=intent.minted_at or attempt.now())
    _report_ahead(attempt, done)
    outage = None
    if attempt.users.standby is not None:
        outage = 0.0  # what was in use still is, wherever it is remembered
    elif attempt.forced and intent.posted_at is not None:
        outage = proven.read_at - intent.posted_at
        if intent.joined:  # revoked by an earlier try, at a moment that nobody knows: an upper bound
            outage = max(outage, (attempt.now() - intent.record.opened_at).total_seconds())
    return KeyReference(
        target=proven.owner,
        issued=key.matches(intent.minted),
        issuance_id=done.issuance_id,
        fingerprint=key.fingerprint,
        issued_at=done.issued_at,
        version=intent.held.version if key.matches(intent.held.value) else None,
        seconds=attempt.seconds,
        outage_seconds=outage,
        run=done.run,
    )


def _report_ahead(attempt: Attempt, done: IssuanceRecord) -> None:
    if done.run and done.issued_at and done.run.time > done.issued_at + MAX_APART:
        log.warning(
            "The time of this DAG run, %s, lies ahead of Polytomic's clock, %s. The key in %s counts as issued at the "
            "former; a run before that time renews it.",
            done.run.time.isoformat(),
            done.issued_at.isoformat(),
            attempt.store.place,
        )


def keep_existing(attempt: Attempt, kept: KeepDecision, held: StoredSecret) -> KeyReference | None:
    """Return the reference to a stored key that stays, once readers are seen to get it; it has answered already.

    Closes the record of an issuer that died after it had stored this key.

    :returns: None if somebody has changed the destination meanwhile: look again.
    """
    back = _read_back(attempt, kept.key, before=kept.unfinished.previous_fingerprint if kept.unfinished else ABSENT)
    if not kept.key.matches(back):
        return None
    record = kept.record
    if kept.unfinished:
        # When its POST was sent is not known, but not before it was opened.
        opened = kept.unfinished
        run = opened.run if is_stale(attempt, opened) else attempt.later_run(opened)
        record = attempt.done(replace(opened, run=run), kept.key, kept.owner, issued_at=opened.opened_at)
    return KeyReference(
        target=kept.owner,
        issued=False,
        issuance_id=record.issuance_id if record else None,
        fingerprint=kept.key.fingerprint,
        issued_at=record.issued_at if record else None,
        version=held.version,
        seconds=attempt.seconds,
        run=record.run if record else None,
        resumed=kept.unfinished is not None,
    )


def _reread(attempt: Attempt) -> StoredSecret:
    for tries in range(STORE_TRIES - 1):
        try:
            return attempt.store.read()
        except SecretStoreUnavailableError:
            attempt.clock.pause(tries)
    return attempt.store.read()
