"""How does a stored key go away again? Only one of ours, only once it is dead, and its record after it.

1. *Look* at what the destination holds and at its record.
2. *Decide* whether it may go: whose it is, and whether it still works.
3. *Remove* the value, and make sure that readers get nothing any more.
4. *Remove* the record.

A process may die between any two lines: a record without a value is what the next try finishes.

There is no lock. Each thing is read again right before it goes; what an issuer writes in the milliseconds between the
two is lost with it, and where the record is part of what goes (tags of an AWS secret) between any two reads. So nothing
may issue to a destination while it is removed.

Nothing here knows Airflow, HTTP or any one store.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.inspect import read_consistently
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._removal.checks import (
    check_key_revoked,
    check_organization,
    check_user_deleted,
    refuse_removal,
)
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    SecretStoreConflictError,
)

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic._removal.checks import Vendor
    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret

__all__ = ["Removed", "remove_key"]

log = logging.getLogger(__name__)

# How often the destination is looked at while it changes, and how often readers are who lag behind: within 8 s.
MAX_TRIES = 5
_FINISH = (
    "While the user exists, run the issuing task again: it finishes the record, and then this task knows its key. "
)


@dataclass(frozen=True)
class Removed:
    """What a removal came to.

    :param removed: whether there was anything to remove.
    :param target: whose key it was; None where no record says so.
    :param fingerprint: of the key of ours that is gone, by this try or an earlier one; None where there was none.
    """

    removed: bool
    target: Target | None = None
    fingerprint: str | None = None


def remove_key(
    vendor: Vendor,
    store: SecretStore,
    *,
    take_over: bool = False,
    allow_active_key: bool = False,
    clock: Clock | None = None,
) -> Removed:
    """Remove a stored key and its record, or find that there is nothing.

    :param take_over: remove also what this package did not put there; it is not sent to Polytomic, and where the store
        can keep it recoverable it does. The caller's own key stays all the same.
    :param allow_active_key: remove also a key that may still work, without asking, and the record of an issuance that
        may have issued one: afterwards nobody knows of them.
    :raises IssuanceRefusedError: if somebody must decide or do something first.
    :raises IssuanceIncompleteError: if another try can go on from here.
    :raises SecretStoreError: if the store failed; what it already removed is gone, and the next try does the rest.
    :raises PolytomicError: if Polytomic did not say whether the key still works; nothing was removed.
    """
    removal = _Removal(vendor, store, take_over, allow_active_key, clock or Clock())
    for tries in range(MAX_TRIES):
        held, record = read_consistently(removal.read)
        if record is None and not _is_occupied(held):
            return Removed(removed=False)
        permanently = removal.decide(held, record)
        try:
            removal.carry_out(held, record, permanently=permanently)
        except SecretStoreConflictError:
            removal.clock.pause(tries)
        else:
            target = record.target if record else None
            return Removed(removed=True, target=target, fingerprint=_fingerprint(held, record))
    raise IssuanceIncompleteError(
        f"{store.place} was still changed by somebody else when it was looked at for the {MAX_TRIES}th time. See what "
        "issues keys there; a retry goes on from what it finds.",
        reason="destination_keeps_changing",
    )


@dataclass(frozen=True)
class _Removal:
    """What one removal was given."""

    vendor: Vendor
    store: SecretStore
    take_over: bool
    allow_active_key: bool
    clock: Clock

    def read(self) -> tuple[StoredSecret, IssuanceRecord | None]:
        held = self.store.read()
        return held, IssuanceRecord.parse(self.store.read_record(), place=self.store.place)

    def decide(self, held: StoredSecret, record: IssuanceRecord | None) -> bool:
        """Let go or refuse; say whether the value may be gone for good."""
        key = held.value
        if key is not None and self.vendor.is_own_key(key):
            raise refuse_removal(
                self.store.place,
                "holds the caller's own key, with which keys are issued",
                "Correct the destination: that key stays",
                reason="callers_own_key",
                fields=("destination",),
            )
        ours = _is_ours(held, record)
        if _is_occupied(held) and not ours:
            self._check_taken_over(held, record)
        if record is None or self.allow_active_key:
            return False
        if ours or record.state == "open":
            check_organization(self.vendor, self.store.place, record)
        if key is not None and ours:
            check_key_revoked(self.vendor, self.store.place, key, self.clock)
        if record.state == "open":
            check_user_deleted(self.vendor, self.store.place, record)
        # Beside an open or failed record it may be what was there before, taken over from somebody.
        return ours and record.state == "done"

    def carry_out(self, held: StoredSecret, record: IssuanceRecord | None, *, permanently: bool) -> None:
        """Remove the value, then the record.

        :raises SecretStoreConflictError: if either is no longer what was decided about.
        """
        if _is_occupied(held):
            self._check_record(record)
            self.store.remove(held, permanently=permanently)
        self._check_unread(held, record)
        if record is not None:
            self._check_record(record, None)
            self.store.remove_record()

    def _check_record(self, *expected: IssuanceRecord | None) -> None:
        """Read the record again: an issuer that came meanwhile has written its intent there, which is not to be lost.

        :raises SecretStoreConflictError: if it is none of these.
        """
        if IssuanceRecord.parse(self.store.read_record(), place=self.store.place) not in expected:
            raise SecretStoreConflictError(
                f"The record beside {self.store.place} was changed by somebody else. Read it again."
            )

    def _check_taken_over(self, held: StoredSecret, record: IssuanceRecord | None) -> None:
        if not self.take_over:
            raise refuse_removal(
                self.store.place,
                f"holds {_describe_unknown_value(held, record)}; it was not sent to Polytomic",
                f"{_FINISH if record and record.state == 'open' else ''}If it may be removed all the same, set "
                "take_over=True; otherwise correct the destination",
                reason="unknown_value",
                fields=("take_over", "destination"),
            )
        if record is not None and record.state == "done":
            log.warning(
                "The record beside %s tells of a key of %s (fingerprint %s) in whose place somebody has put something "
                "else. That key may still work; the record goes now, and afterwards nothing here tells of it.",
                self.store.place,
                record.target,
                record.fingerprint,
            )

    def _check_unread(self, held: StoredSecret, record: IssuanceRecord | None) -> None:
        """Make sure that readers get nothing any more; they may lag behind for a moment."""
        for tries in range(MAX_TRIES):
            if (back := self.store.read_back()) is None:
                return
            found = back.fingerprint
            self.clock.pause(tries)
        now = self.store.read()
        if _is_occupied(now) and now.version != held.version:
            raise SecretStoreConflictError(f"Somebody stored something in {self.store.place} meanwhile. Read it again.")
        if found == (held.value.fingerprint if held.value else _fingerprint(held, record)):
            raise IssuanceIncompleteError(
                f"The key was removed from {self.store.place}, but readers still get it. Its record stays until they "
                "do not; a retry looks again. If that does not change, another secrets backend or entry holds it too.",
                reason="readers_behind",
            )
        raise IssuanceRefusedError(
            f"Nothing is stored in {self.store.place} any more, but readers get something else under its name: another "
            "secrets backend, an environment variable or another entry answers. Remove that and run the task again.",
            reason="shadowed",
        )


def _is_occupied(held: StoredSecret) -> bool:
    return held.value is not None or held.is_foreign


def _is_ours(held: StoredSecret, record: IssuanceRecord | None) -> bool:
    """Whether it is known that this package put the value there, or that it is a key of the issuing server.

    Beside a finished issuance that is its own key only. Beside another, whose key is not known, only what says so of
    itself: a text may be anybody's password, there before or put there since.
    """
    if held.value is None or record is None:
        return False
    return record.fingerprint == held.value.fingerprint if record.state == "done" else held.is_recognised


def _fingerprint(held: StoredSecret, record: IssuanceRecord | None) -> str | None:
    """Name the key of ours that was held, or that an earlier try has removed."""
    if held.value is not None and _is_ours(held, record):
        return held.value.fingerprint
    return record.fingerprint if record and not _is_occupied(held) else None


def _describe_unknown_value(held: StoredSecret, record: IssuanceRecord | None) -> str:
    if held.is_foreign:
        return "something other than a Polytomic key"
    if record is None:
        return "a value without a record, so none that this package is known to have put there"
    if record.state == "done":
        return "another value than the one that its record tells of"
    if record.state == "failed":
        return f"a value beside an issuance for {record.target} that failed, so none that is known to be a key of it"
    return (
        f"a value beside an issuance for {record.target} that is open since {record.opened_at.isoformat()}: the key "
        "that was issued, or what was there before"
    )
