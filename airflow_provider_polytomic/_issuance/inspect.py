"""Step 1 of an issuance: read the destination and its record, and find out whose key is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.errors import describe_progress, incomplete, is_revoked, refusal
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError, SecretStoreError
from airflow_provider_polytomic.secret_stores.base import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_polytomic._issuance.request import IssuanceRequest, Progress
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.models import Identity
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = [
    "belongs_to",
    "describe_owner",
    "find_owner",
    "is_stale",
    "is_under_way",
    "polytomic_time",
    "read",
    "read_consistently",
    "read_state",
    "state_fingerprint",
]

# Foreign values share one name: even a hash of another user's password does not belong in the record.
FOREIGN = "foreign"
# How often one try reads a destination that keeps changing.
MAX_READS = 5
# Polytomic keeps an idempotent outcome for "at least 24 hours" (API guide, "Idempotent requests").
REPLAYED_FOR = timedelta(hours=24)


def read(request: IssuanceRequest, progress: Progress) -> tuple[StoredSecret, IssuanceRecord | None]:
    """Read the destination and its record, a bounded number of times in one try.

    :raises IssuanceIncompleteError: once that number is reached.
    """
    progress.reads += 1
    if progress.reads > MAX_READS:
        what = (
            f"the stored value, or which key works, still changed after {MAX_READS} reads; find out what else issues "
            "keys for this user"
        )
        raise incomplete(request, progress, what, reason="destination_keeps_changing")
    stored = request.store.read()
    return stored, IssuanceRecord.parse(request.store.read_record(), place=request.store.place)


def read_consistently(
    read: Callable[[], tuple[StoredSecret, IssuanceRecord | None]],
) -> tuple[StoredSecret, IssuanceRecord | None]:
    """Read a stored value and its record; if they do not match, again, until two reads are alike.

    Another issuer may have closed the record, or stored a newer key, between the two reads. Pairing a newer key's
    record with an older value would lead to a second issuance, which revokes the newer key.
    """
    stored, record = read()
    for _ in range(MAX_READS - 1):
        if record is None or record.state != "done" or record.fingerprint == state_fingerprint(stored):
            break
        before = stored.version, record
        stored, record = read()
        if (stored.version, record) == before:
            break
    return stored, record


def read_state(request: IssuanceRequest, progress: Progress) -> tuple[StoredSecret, IssuanceRecord | None]:
    """Read the destination and what its record says about this request's users.

    :raises IssuanceRefusedError: if the record is another user's.
    """
    stored, record = read_consistently(lambda: read(request, progress))
    progress.is_open = progress.is_open or (record is not None and record.state == "open")
    if record is None or record.target in request.owners:
        return stored, record
    # A failed issuance for another user (a mistyped id, a deleted standby user) stored nothing.
    if not request.take_over and record.state != "failed":
        are_siblings = record.target.org_id == progress.target.org_id and not request.owners.standby
        hint = " If the two users alternate here, set user_id and standby_user_id." if are_siblings else ""
        raise refusal(
            progress,
            f"{request.store.place} belongs to {record.target}, not to {request.owners}. {describe_progress(progress)} "
            f"Correct the ids, or use another destination.{hint} To replace the other user's key, set take_over=True.",
            reason="record_of_another_user",
            fields=("org_id", "user_id", "destination"),
        )
    # For a value that predates the failed issuance, this record is the only evidence that this package stored it; it
    # says nothing about the age of the key.
    if request.take_over or record.previous_fingerprint != state_fingerprint(stored):
        return stored, None
    return stored, record


def state_fingerprint(stored: StoredSecret) -> str:
    """Return a name for what is stored that reveals nothing of it.

    Issuers that see the same state derive the same issuance from it.
    """
    if stored.value is not None:
        return stored.value.fingerprint
    return FOREIGN if stored.is_foreign else ABSENT


def find_owner(
    request: IssuanceRequest, progress: Progress, key: ApiKey, *, ignore_others: bool = False
) -> Target | None:
    """Return which of the request's users a stored key belongs to; None if it is revoked.

    :param ignore_others: return None for a working key of another user, instead of raising.
    :raises IssuanceRefusedError: if it is a working key of another user.
    :raises IssuanceIncompleteError: if Polytomic did not say whether it works.
    """
    try:
        identity = request.polytomic.get_identity(key)
    except PolytomicError as error:
        if is_revoked(error):
            return None
        what = f"Polytomic did not say whether the stored key works: {error}"
        raise incomplete(request, progress, what, reason="key_state_unknown") from error
    for user in request.owners:
        if belongs_to(user, identity):
            return user
    if ignore_others:
        return None
    raise refusal(
        progress,
        f"{request.store.place} holds a working key of {describe_owner(identity)}, not of {request.owners}. The key "
        f"stays stored. {describe_progress(progress)} Correct the ids or the destination; to replace the other user's "
        "key, set take_over=True.",
        reason="key_of_another_user",
        fields=("org_id", "user_id", "destination"),
    )


def belongs_to(user: Target, identity: Identity) -> bool:
    """Whether this is the identity of the user."""
    return ((identity.organization_id or "").lower(), (identity.id or "").lower()) == (user.org_id, user.user_id)


def describe_owner(identity: Identity) -> str:
    """Return the owner of a key as messages name it, without repeating server text that is not an id."""
    try:
        return str(Target.parse(identity.organization_id, identity.id))
    except PolytomicConfigurationError:
        return "another user"


def polytomic_time(request: IssuanceRequest, progress: Progress, *, is_open: bool = True) -> datetime:
    """Return the time by Polytomic's clock: workers' own clocks differ, and many workers read a record.

    :param is_open: whether there is an open issuance that a retry continues. Otherwise an error that a retry cannot
        help, such as an untrusted certificate, is raised as it is.
    """
    try:
        return request.polytomic.server_time()
    except PolytomicError as error:
        if not (is_open or progress.key_was_issued or error.retryable):
            raise
        what = f"Polytomic did not return its time: {error}"
        raise incomplete(request, progress, what, reason="server_time_unknown") from error


def is_stale(request: IssuanceRequest, progress: Progress, unfinished: IssuanceRecord) -> bool:
    """Whether an issuance has been open for so long that a retry may no longer get the same key.

    A key that was promoted under a stale issuance is as old as the issuance. Otherwise it counts as this run's.
    """
    return polytomic_time(request, progress) - unfinished.opened_at > REPLAYED_FOR


def is_under_way(request: IssuanceRequest) -> bool:
    """Whether a forced issuance is open, so that consumers may have no working key until a try finishes it."""
    try:
        record = IssuanceRecord.parse(request.store.read_record(), place=request.store.place)
    except SecretStoreError:
        return False
    return record is not None and record.state == "open" and record.forced and record.target in request.owners
