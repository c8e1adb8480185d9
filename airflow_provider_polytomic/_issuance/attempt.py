"""What do the steps of one try share? What was given, what was counted, and the record's next states."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.protocols import Rotate
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConfigurationError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicUnauthorizedError,
)
from airflow_provider_polytomic.secret_stores.base import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow_provider_polytomic._issuance.protocols import Ensure, KeyOwners, PolytomicApi
    from airflow_provider_polytomic._issuance.record import Run
    from airflow_provider_polytomic._support.clock import Clock
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.models import Identity
    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret

__all__ = [
    "ABSENT",
    "Attempt",
    "OpenIssuance",
    "RevokedKeyError",
    "belongs_to",
    "describe_owner",
    "is_revoked",
    "state_fingerprint",
]

# Not told apart any further: even a hash of somebody else's password has no business in the record.
FOREIGN = "foreign"
# A server or proxy that refuses everything must not make us mint for ever.
MAX_BURNT = 2
MAX_LOOKS = 5


class RevokedKeyError(Exception):
    """A key that was minted or read back is answered with 401 or 403, or came without a value."""


def is_revoked(error: PolytomicError) -> bool:
    """Whether this answer of ``GET /api/me`` means that the key is dead; anything else is no answer.

    Older servers say 403 for an unknown key. Proxies say 401 and 403 of anything, and in their words it means nothing.
    """
    return isinstance(error, PolytomicUnauthorizedError | PolytomicForbiddenError) and error.is_from_polytomic


def describe_owner(identity: Identity) -> str:
    """Name who a key answers as, without repeating a text of the server's that is no id."""
    try:
        return str(Target.parse(identity.organization_id, identity.id))
    except PolytomicConfigurationError:
        return "somebody else"


def belongs_to(user: Target, identity: Identity) -> bool:
    """Whether a key that answered is this user's."""
    return ((identity.organization_id or "").lower(), (identity.id or "").lower()) == (user.org_id, user.user_id)


def state_fingerprint(held: StoredSecret) -> str:
    """Name what is held without telling it. Whoever sees the same state derives the same issuance from it."""
    if held.value is not None:
        return held.value.fingerprint
    return FOREIGN if held.is_foreign else ABSENT


@dataclass
class OpenIssuance:
    """The issuance that this try works on.

    :param record: as it was last written.
    :param held: what the destination held when it was last looked at.
    :param joined: an earlier try may have sent its POST already.
    :param unsettled: and nobody knows what became of that.
    :param minted: the key that Polytomic gave to this try.
    :param minted_at: when it did, by Polytomic's clock.
    :param posted_at: when this try sent its first POST, on the monotonic clock.
    """

    record: IssuanceRecord
    held: StoredSecret
    joined: bool
    unsettled: bool = False
    minted: ApiKey | None = None
    minted_at: datetime | None = None
    posted_at: float | None = None

    @property
    def idempotency_key(self) -> str:
        """One for each burnt one before it; 38 or more characters of those that Polytomic allows."""
        return f"{self.record.issuance_id}-{self.record.idempotency_keys_used}"

    def is_named_by(self, record: IssuanceRecord) -> bool:
        """Whether the record is still that of this issuance and idempotency key."""
        return (record.issuance_id, record.idempotency_keys_used) == (
            self.record.issuance_id,
            self.record.idempotency_keys_used,
        )


@dataclass
class Attempt:
    """One try of one issuer: everything that it was given, and what it has used up.

    ``target`` is the user whose key it is after, and ``in_use`` as whom the stored key answers, where that was asked;
    with a standby user, each look decides that anew.
    """

    vendor: PolytomicApi
    store: SecretStore
    users: KeyOwners
    mode: Ensure | Rotate
    hide: Callable[[ApiKey], None]
    take_over: bool
    stopping: Callable[[], bool]
    clock: Clock
    looks: int = 0
    keys_abandoned: int = 0
    posted: bool = False
    minted: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    target: Target = field(init=False)
    in_use: Target | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Begin with the user whose turn is first."""
        self.target = self.users.first

    @property
    def forced(self) -> bool:
        """Whether the user's earlier keys are revoked."""
        return isinstance(self.mode, Rotate)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time spent to the step's."""
        began = self.clock.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + self.clock.monotonic() - began

    def read(self) -> tuple[StoredSecret, IssuanceRecord | None]:
        """Read the destination and its record, a bounded number of times a try."""
        self.looks += 1
        if self.looks > MAX_LOOKS:
            raise self.incomplete(
                f"what is stored, or which key works, still changed when it was looked at for the {MAX_LOOKS}th "
                "time; see what else issues keys for this user.",
                reason="destination_keeps_changing",
            )
        held = self.store.read()
        return held, IssuanceRecord.parse(self.store.read_record(), place=self.store.place)

    def owner(self, key: ApiKey, *, or_another: bool = False) -> Target | None:
        """Return as which of our users a stored key answers; None means dead. No answer is neither, and ends the try.

        :param or_another: somebody else's working key is None too, and not an error.
        :raises IssuanceRefusedError: if it works, but is somebody else's.
        """
        try:
            identity = self.vendor.get_identity(key)
        except PolytomicError as error:
            if is_revoked(error):
                return None
            what = f"Polytomic did not say whether the stored key works ({error})"
            raise self.incomplete(what, reason="key_state_unknown") from error
        for user in self.users:
            if belongs_to(user, identity):
                return user
        if or_another:
            return None
        raise IssuanceRefusedError(
            f"{self.store.place} holds a working key of {describe_owner(identity)}, not of {self.users}. It stays: one "
            f"customer's key never takes the place of another's. {self.state} Correct the ids or the destination; if "
            "the destination is to change hands, set take_over=True.",
            reason="key_of_another_user",
            fields=("org_id", "user_id", "destination"),
        )

    @property
    def state(self) -> str:
        """One sentence: what state things are in."""
        if not self.posted:
            return "Nothing was issued or changed."
        return (
            "A key was issued and is not proven to be stored; the record beside the destination stays open, and for "
            "24 hours a retry gets the same key."
        )

    def now(self, *, begun: bool = True) -> datetime:
        """Return the time by Polytomic's clock: workers' own ones differ, and a record is read by many of them.

        :param begun: whether there is an open issuance that a retry goes on with. Where there is none, what a retry
            cannot help (a certificate, say) is raised as it is.
        """
        try:
            return self.vendor.server_time()
        except PolytomicError as error:
            if not (begun or error.retryable):
                raise
            what = f"Polytomic did not say what time it is ({error})"
            raise self.incomplete(what, reason="server_time_unknown") from error

    def later_run(self, record: IssuanceRecord) -> Run | None:
        """Return the run that an open issuance counts for: an older one that is cleared leaves it to the newer one."""
        mine, theirs = self.mode.run, record.run
        return theirs if mine is None or (theirs is not None and theirs.time > mine.time) else mine

    def next_idempotency_key(self, intent: OpenIssuance, cause: PolytomicError | None = None) -> None:
        """Give up a settled idempotency key for the next one, and say so in the record before it is used."""
        if self.keys_abandoned == MAX_BURNT:
            raise self.incomplete(
                f"Polytomic gave no usable key {MAX_BURNT + 1} times ({cause or 'dead keys'})", reason="no_usable_key"
            ) from cause
        self.keys_abandoned += 1
        intent.record = replace(
            intent.record, idempotency_keys_used=intent.record.idempotency_keys_used + 1, rejected_at=None
        )
        intent.joined = intent.unsettled = False
        self.store.write_record(intent.record.to_mapping())

    def fail(self, intent: OpenIssuance, *, use_up: bool) -> None:
        """Record a definite failure.

        :param use_up: whether the next issuance from the same state uses the next idempotency key at once. Otherwise it
            asks under this one first: a refusal may have been told before Polytomic looked at the idempotency key,
            under which an earlier request had its effect.
        """
        number = intent.record.idempotency_keys_used + (1 if use_up else 0)
        failed = replace(intent.record, state="failed", idempotency_keys_used=number, rejected_at=None)
        self.store.write_record(failed.to_mapping())

    def done(self, record: IssuanceRecord, key: ApiKey, owner: Target, *, issued_at: datetime) -> IssuanceRecord:
        """Record whose key is stored since when.

        :param issued_at: by Polytomic's clock; not before the issuance was opened, whichever of its servers told that.
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
        self.store.write_record(done.to_mapping())
        return done

    def incomplete(self, what: str, *, reason: str) -> IssuanceIncompleteError:
        """Say that the try ends here and that the next one goes on."""
        return IssuanceIncompleteError(
            f"The key of {self.target} for {self.store.place} is not there yet: {what.rstrip('. ')}. What was begun "
            "is in the record beside the destination; a retry goes on from there, and within 24 hours gets the same "
            f"key.{self._readers}",
            reason=reason,
        )

    @property
    def _readers(self) -> str:
        """Say whether readers are cut off, of a try that ends in the middle."""
        if not self.forced:
            return ""
        if self.users.standby:
            return " A key in use was not touched; its readers work on."
        return (
            f" The old key may have been revoked: then readers of {self.store.place} are cut off until a retry has "
            "stored the new one. If no retry is left, clear the task now."
        )
