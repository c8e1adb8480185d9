"""Steps 5, 6 and 8 of an issuance: verify the new key, make it the one that readers get, and close the record."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.confirm import STORE_TRIES, read_back
from airflow_provider_polytomic._issuance.errors import (
    RevokedKeyError,
    incomplete,
    is_revoked,
    needs_take_over,
    refusal,
)
from airflow_provider_polytomic._issuance.inspect import (
    belongs_to,
    describe_owner,
    find_owner,
    is_stale,
    polytomic_time,
    state_fingerprint,
)
from airflow_provider_polytomic._issuance.journal import record_done
from airflow_provider_polytomic._issuance.record import MAX_APART
from airflow_provider_polytomic._issuance.reference import KeyReference
from airflow_provider_polytomic.exceptions import (
    PolytomicError,
    SecretStoreConflictError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.base import ABSENT

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.confirm import ConfirmedKey
    from airflow_provider_polytomic._issuance.decide import KeepDecision
    from airflow_provider_polytomic._issuance.journal import OpenIssuance
    from airflow_provider_polytomic._issuance.record import IssuanceRecord
    from airflow_provider_polytomic._issuance.request import IssuanceRequest, Progress
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = ["close", "keep_existing", "promote", "verify"]

log = logging.getLogger(__name__)

# Seconds that the verification of a new key may delay its promotion.
VERIFY_SECONDS = 2.0
# A key may take a moment to reach every server of Polytomic: asked so often before it counts as revoked.
VERIFY_TRIES = 3


def verify(request: IssuanceRequest, progress: Progress, issuance: OpenIssuance, key: ApiKey) -> bool:
    """Whether Polytomic confirmed that the new key is the target's; False without a response.

    The wait for a response is short: with ``force``, consumers have no working key meanwhile, and the confirmation
    after the promotion asks again.

    :raises RevokedKeyError: if Polytomic does not know the key.
    :raises IssuanceRefusedError: if the key is another user's.
    """
    for tries in range(VERIFY_TRIES):
        try:
            with progress.timed("verify", request.clock):
                identity = request.polytomic.get_identity(key, retry_for=VERIFY_SECONDS)
            break
        except PolytomicError as error:
            if not is_revoked(error):
                return False
        request.clock.pause(tries)
    else:
        raise RevokedKeyError
    if belongs_to(issuance.target, identity):
        return True
    raise refusal(
        progress,
        f"The key that Polytomic issued for {issuance.target} is a key of {describe_owner(identity)}. It was not "
        f"stored; {request.store.place} is unchanged. Ask Polytomic support; for 24 hours a retry gets the same key.",
        reason="issued_key_of_another_user",
    )


def promote(
    request: IssuanceRequest, progress: Progress, issuance: OpenIssuance, key: ApiKey, *, verified: bool
) -> ApiKey:
    """Make the key the one that readers get.

    :param verified: whether Polytomic confirmed the key. An unverified key may replace only what was stored before (no
        other key works then), and never with a standby user, whose key in use still works.
    :returns: the key, or the working key that another process stored meanwhile.
    """
    version_at_start = issuance.stored.version
    problem: SecretStoreError | None = None
    for tries in range(STORE_TRIES):
        stored = issuance.stored
        if key.matches(stored.value):
            return key
        if (stored.is_foreign or stored.changes_format) and not (
            request.take_over and stored.version == version_at_start
        ):
            what = "something other than a Polytomic key, which was stored there meanwhile"
            raise needs_take_over(request, progress, issuance.target, what, reason="foreign_value")
        changed = state_fingerprint(stored) != issuance.record.previous_fingerprint
        if not verified and (changed or request.owners.standby):
            state = "another process changed the destination" if changed else "the key in use stays stored"
            what = f"{state}, and Polytomic did not say whether the new key works"
            raise incomplete(request, progress, what, reason="new_key_unverified")
        if changed and stored.value is not None and find_owner(request, progress, stored.value):
            return stored.value
        try:
            with progress.timed("promote", request.clock):
                version = request.store.write(key, stored)
        except SecretStoreConflictError:
            issuance.stored = _read_again(request)
            verified = verify(request, progress, issuance, key)
        except SecretStoreUnavailableError as error:  # the write may have taken effect, so read what is stored now
            problem = error
            request.clock.pause(tries)
            issuance.stored = _read_again(request)
        else:
            issuance.stored = replace(stored, value=key, version=version)
            return key
    what = f"the store could not be written in {STORE_TRIES} tries ({problem or 'it kept changing'})"
    raise incomplete(request, progress, what, reason="store_failed") from problem


def _read_again(request: IssuanceRequest) -> StoredSecret:
    for tries in range(STORE_TRIES - 1):
        try:
            return request.store.read()
        except SecretStoreUnavailableError:
            request.clock.pause(tries)
    return request.store.read()


def close(
    request: IssuanceRequest, progress: Progress, issuance: OpenIssuance, confirmed: ConfirmedKey
) -> KeyReference:
    """Record whose key is stored since when, and return the reference to it."""
    key = confirmed.key
    issued_at = issuance.issued_at or polytomic_time(request, progress)
    done = record_done(request, issuance.record, key, confirmed.owner, issued_at=issued_at)
    _warn_about_future_run(request, done)
    outage = None
    if request.owners.standby is not None:
        outage = 0.0  # the key that was in use still works
    elif request.is_forced and issuance.posted_at is not None:
        outage = confirmed.read_at - issuance.posted_at
        if issuance.joined:  # an earlier try revoked the key at an unknown moment: this is an upper bound
            since_opened = polytomic_time(request, progress) - issuance.record.opened_at
            outage = max(outage, since_opened.total_seconds())
    return KeyReference(
        target=confirmed.owner,
        issued=key.matches(issuance.new_key),
        issuance_id=done.issuance_id,
        fingerprint=key.fingerprint,
        issued_at=done.issued_at,
        version=issuance.stored.version if key.matches(issuance.stored.value) else None,
        seconds=progress.seconds,
        outage_seconds=outage,
        run=done.run,
    )


def _warn_about_future_run(request: IssuanceRequest, done: IssuanceRecord) -> None:
    if done.run and done.issued_at and done.run.time > done.issued_at + MAX_APART:
        log.warning(
            "%s: this DAG run is dated after Polytomic's clock\n"
            "Run: %s; Polytomic: %s. The age of the key counts from the run; a run before that time rotates it.",
            request.store.place,
            done.run.time.isoformat(),
            done.issued_at.isoformat(),
        )


def keep_existing(
    request: IssuanceRequest, progress: Progress, decision: KeepDecision, stored: StoredSecret
) -> KeyReference | None:
    """Return the reference to a stored key that stays, once readers get it. Polytomic has confirmed the key before.

    Closes the record of an issuer that died after it had stored this key.

    :returns: None if the destination has changed meanwhile and must be read again.
    """
    key, unfinished, record = decision.key, decision.unfinished, decision.record
    before = unfinished.previous_fingerprint if unfinished else ABSENT
    if not key.matches(read_back(request, progress, key, before=before)):
        return None
    if unfinished:
        # When its POST was sent is unknown, but not before the issuance was opened.
        run = unfinished.run if is_stale(request, progress, unfinished) else request.later_run(unfinished)
        record = record_done(request, replace(unfinished, run=run), key, decision.owner, issued_at=unfinished.opened_at)
    return KeyReference(
        target=decision.owner,
        issued=False,
        issuance_id=record.issuance_id if record else None,
        fingerprint=key.fingerprint,
        issued_at=record.issued_at if record else None,
        version=stored.version,
        seconds=progress.seconds,
        run=record.run if record else None,
        resumed=unfinished is not None,
    )
