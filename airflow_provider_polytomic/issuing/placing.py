"""How does a key become the one that readers get, provably? Steps 5 to 8: verify, promote, prove, close."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_polytomic.exceptions import (
    ConflictError,
    IssuanceRefusedError,
    PolytomicError,
    UnavailableError,
)
from airflow_provider_polytomic.issuing.attempt import ABSENT, DEAD, DeadKeyError, mark
from airflow_provider_polytomic.issuing.looking import needs_take_over
from airflow_provider_polytomic.references import Reference

if TYPE_CHECKING:
    from airflow_provider_polytomic.api_key import ApiKey
    from airflow_provider_polytomic.issuing.attempt import Attempt, Intent
    from airflow_provider_polytomic.issuing.looking import Kept
    from airflow_provider_polytomic.secret_stores.base import Held

__all__ = ["close", "keep", "promote", "prove", "verify"]

# How often a store call is tried while the key is in memory only, and how often a stale read-back is read again: 4 s
# in all.
STORE_TRIES = 5


def verify(attempt: Attempt, key: ApiKey) -> bool:
    """Whether the new key answered as the target; False means that there was no answer, which is not "dead".

    :raises DeadKeyError: if Polytomic does not know the key.
    :raises IssuanceRefusedError: if it is somebody else's.
    """
    try:
        with attempt.timed("verify"):
            identity = attempt.vendor.get_identity(key)
    except DEAD:
        raise DeadKeyError from None
    except PolytomicError:
        return False
    return attempt.is_target(identity)


def promote(attempt: Attempt, intent: Intent, key: ApiKey, *, verified: bool) -> ApiKey:
    """Make the key the one that readers get.

    :param verified: it has answered; one that has not may only replace what was there before (no other key is live
        then).
    :returns: the key, or the working key that somebody else put there meanwhile.
    """
    for tries in range(STORE_TRIES):
        held = intent.held
        if key.matches(held.value):
            return key
        if held.foreign and not attempt.take_over:
            raise needs_take_over(attempt, "something else by now; a new key was issued and is not stored")
        if mark(held) != intent.record.before:
            if not verified:
                raise attempt.incomplete(
                    "somebody changed the destination, and Polytomic did not say whether the new key works"
                )
            if held.value is not None and attempt.works(held.value):
                return held.value
        try:
            with attempt.timed("promote"):
                version = attempt.store.write(key, held)
        except ConflictError:
            intent.held = _reread(attempt)
            verified = verify(attempt, key)
        except UnavailableError:  # it may have acted: what is there now tells
            attempt.runtime.pause(tries)
            intent.held = _reread(attempt)
        else:
            intent.held = replace(held, value=key, version=version)
            return key
    raise attempt.incomplete(f"the store could not be written in {STORE_TRIES} tries")


def prove(attempt: Attempt, intent: Intent, key: ApiKey) -> tuple[ApiKey, float]:
    """Read what readers get, and ask Polytomic about it.

    :returns: the key that was read back and works, which may be one that somebody else put there; and when it was read.
    :raises DeadKeyError: if what was read back does not answer, or nothing is there any more.
    """
    with attempt.timed("read back"):
        back = _read_back(attempt, intent, key)
    read_at = attempt.runtime.monotonic()
    with attempt.timed("prove"):
        if not attempt.works(back):
            raise DeadKeyError
    return back, read_at


def _read_back(attempt: Attempt, intent: Intent, key: ApiKey) -> ApiKey:
    back: ApiKey | None = None
    for tries in range(STORE_TRIES):
        back = attempt.store.read_back()
        if back is not None and key.matches(back):
            return back
        if (back.fingerprint if back else ABSENT) == mark(attempt.store.read()):  # changed by somebody else meanwhile
            if back is None:
                raise DeadKeyError
            return back
        attempt.runtime.pause(tries)
    if (back.fingerprint if back else ABSENT) == intent.record.before:
        raise attempt.incomplete("it is stored, but readers still get what was there before")
    raise IssuanceRefusedError(
        f"The key of {attempt.target} is stored in {attempt.store.place}, but readers get something else: another "
        "secrets "
        "backend, an environment variable or another entry shadows it. Remove what shadows it and run the task "
        "again; it "
        "finds the same key."
    )


def close(attempt: Attempt, intent: Intent, key: ApiKey, read_at: float) -> Reference:
    """Record whose key is stored since when, and return the reference to it."""
    done = attempt.done(intent.record, key)
    outage = None
    if attempt.forced and intent.posted_at is not None:
        outage = read_at - intent.posted_at
        if intent.joined:  # revoked by an earlier try, at a moment that nobody knows: an upper bound
            outage = max(outage, (attempt.runtime.now() - intent.record.opened_at).total_seconds())
    return Reference(
        target=attempt.target,
        issued=key.matches(intent.minted),
        issuance_id=done.issuance_id,
        fingerprint=key.fingerprint,
        issued_at=done.issued_at,
        version=intent.held.version if key.matches(intent.held.value) else None,
        seconds=attempt.seconds,
        outage_seconds=outage,
    )


def keep(attempt: Attempt, kept: Kept, held: Held) -> Reference:
    """Return the reference to a stored key that stays, closing the record of an issuer that died before it could."""
    record = attempt.done(kept.unfinished, kept.key) if kept.unfinished else kept.record
    return Reference(
        target=attempt.target,
        issued=False,
        issuance_id=record.issuance_id if record else None,
        fingerprint=kept.key.fingerprint,
        issued_at=record.issued_at if record else None,
        version=held.version,
        seconds=attempt.seconds,
    )


def _reread(attempt: Attempt) -> Held:
    for tries in range(STORE_TRIES - 1):
        try:
            return attempt.store.read()
        except UnavailableError:
            attempt.runtime.pause(tries)
    return attempt.store.read()
