"""Removal of a stored key: only a key of this package, only once it is revoked, and its record after it.

1. *Read* what the destination holds and its record.
2. *Decide* whether it may be removed: whose key it is, and whether it still works.
3. *Remove* the value, and make sure that readers no longer get it.
4. *Remove* the record.

A process may die between any two lines: the next try finishes a record without a value.

There is no lock. Each thing is read again immediately before it is removed. What an issuer writes in the milliseconds
between the two is lost; where the record is part of the secret (the tags of an AWS secret), so is what an issuer writes
between any two reads. So nothing may issue to a destination while it is removed.

This folder imports neither Airflow nor HTTP, and no particular store.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.confirm import STORE_TRIES
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
    from airflow_provider_polytomic._removal.checks import PolytomicApi
    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret

__all__ = ["Removed", "remove_key"]

log = logging.getLogger(__name__)

_FINISH = (
    "If the user still exists, run the issuing task again: it completes the record, and this task then knows the key. "
)


@dataclass(frozen=True)
class Removed:
    """Result of a removal.

    :param removed: whether there was anything to remove.
    :param target: the user whose key it was; None without a record.
    :param fingerprint: fingerprint of this package's key that this try or an earlier one removed; None without one.
    """

    removed: bool
    target: Target | None = None
    fingerprint: str | None = None


def remove_key(
    polytomic: PolytomicApi,
    store: SecretStore,
    *,
    take_over: bool = False,
    allow_active_key: bool = False,
    clock: Clock | None = None,
) -> Removed:
    """Remove a stored key and its record, if there are any.

    :param take_over: also remove a value that this package did not store. It is not sent to Polytomic, and it stays
        recoverable where the store supports that. The caller's own key is never removed.
    :param allow_active_key: also remove a key that may still work, without asking Polytomic, and the record of an
        issuance that may have issued one. Nothing refers to such keys afterwards.
    :raises IssuanceRefusedError: if the user must decide or do something first.
    :raises IssuanceIncompleteError: if another try can continue from here.
    :raises SecretStoreError: if the store failed; what was removed stays removed, and the next try removes the rest.
    :raises PolytomicError: if Polytomic did not say whether the key still works; nothing was removed.
    """
    removal = _Removal(polytomic, store, take_over, allow_active_key, clock or Clock())
    for tries in range(STORE_TRIES):
        stored, record = read_consistently(removal.read)
        if record is None and not _is_occupied(stored):
            return Removed(removed=False)
        permanently = removal.decide(stored, record)
        try:
            removal.carry_out(stored, record, permanently=permanently)
        except SecretStoreConflictError:
            removal.clock.pause(tries)
        else:
            target = record.target if record else None
            return Removed(removed=True, target=target, fingerprint=_fingerprint(stored, record))
    raise IssuanceIncompleteError(
        f"Another process still changed {store.place} after {STORE_TRIES} reads. Find out what issues keys there; a "
        "retry continues from what it finds.",
        reason="destination_keeps_changing",
    )


@dataclass(frozen=True)
class _Removal:
    """What one removal is asked to do, and what it works with."""

    polytomic: PolytomicApi
    store: SecretStore
    take_over: bool
    allow_active_key: bool
    clock: Clock

    def read(self) -> tuple[StoredSecret, IssuanceRecord | None]:
        stored = self.store.read()
        return stored, IssuanceRecord.parse(self.store.read_record(), place=self.store.place)

    def decide(self, stored: StoredSecret, record: IssuanceRecord | None) -> bool:
        """Refuse the removal, or return whether the value may be removed permanently. Changes nothing."""
        key = stored.value
        if key is not None and self.polytomic.is_own_key(key):
            raise refuse_removal(
                self.store.place,
                "holds the caller's own key, with which keys are issued",
                "Correct the destination; that key is never removed",
                reason="callers_own_key",
                fields=("destination",),
            )
        is_recognised = _is_recognised(stored, record)
        if _is_occupied(stored) and not is_recognised:
            self._check_take_over(stored, record)
        if record is None or self.allow_active_key:
            return False
        if is_recognised or record.state == "open":
            check_organization(self.polytomic, self.store.place, record)
        if key is not None and is_recognised:
            check_key_revoked(self.polytomic, self.store.place, key, self.clock)
        if record.state == "open":
            check_user_deleted(self.polytomic, self.store.place, record)
        # With an open or failed record, the value may be what another user stored there before.
        return is_recognised and record.state == "done"

    def carry_out(self, stored: StoredSecret, record: IssuanceRecord | None, *, permanently: bool) -> None:
        """Remove the value, then the record.

        :raises SecretStoreConflictError: if either has changed since the decision.
        """
        if _is_occupied(stored):
            self._check_record(record)
            self.store.remove(stored, permanently=permanently)
        self._check_no_longer_read(stored, record)
        if record is not None:
            self._check_record(record, None)
            self.store.remove_record()

    def _check_record(self, *expected: IssuanceRecord | None) -> None:
        """Read the record again: another issuer may have written its intent there meanwhile, which must not be lost.

        :raises SecretStoreConflictError: if the record is none of the expected ones.
        """
        if IssuanceRecord.parse(self.store.read_record(), place=self.store.place) not in expected:
            raise SecretStoreConflictError(
                f"Another process changed the record beside {self.store.place}. Read it again."
            )

    def _check_take_over(self, stored: StoredSecret, record: IssuanceRecord | None) -> None:
        if not self.take_over:
            raise refuse_removal(
                self.store.place,
                f"holds {_describe_unknown_value(stored, record)}; it was not sent to Polytomic",
                f"{_FINISH if record and record.state == 'open' else ''}To remove it anyway, set take_over=True; "
                "otherwise correct the destination",
                reason="unknown_value",
                fields=("take_over", "destination"),
            )
        if record is not None and record.state == "done":
            log.warning(
                "%s: the recorded key was replaced by another value\n"
                "The recorded key of %s (fingerprint %s) may still work. The record is deleted.",
                self.store.place,
                record.target,
                record.fingerprint,
            )

    def _check_no_longer_read(self, stored: StoredSecret, record: IssuanceRecord | None) -> None:
        """Check that readers no longer get a value; they may lag behind for a moment."""
        for tries in range(STORE_TRIES):
            if (back := self.store.read_back()) is None:
                return
            fingerprint = back.fingerprint
            self.clock.pause(tries)
        now = self.store.read()
        if _is_occupied(now) and now.version != stored.version:
            raise SecretStoreConflictError(f"Another process stored a value in {self.store.place}. Read it again.")
        if fingerprint == (stored.value.fingerprint if stored.value else _fingerprint(stored, record)):
            raise IssuanceIncompleteError(
                f"The key was removed from {self.store.place}, but readers still get it. The record stays until they "
                "do not; a retry reads again. If this persists, another secrets backend or entry holds the key too.",
                reason="readers_behind",
            )
        raise IssuanceRefusedError(
            f"The value was removed from {self.store.place}, but readers get another value under the same name, from "
            "another secrets backend, an environment variable or another entry. Remove that value and run the task "
            "again.",
            reason="shadowed",
        )


def _is_occupied(stored: StoredSecret) -> bool:
    return stored.value is not None or stored.is_foreign


def _is_recognised(stored: StoredSecret, record: IssuanceRecord | None) -> bool:
    """Whether this package is known to have stored the value, or the value is a key of the issuing server.

    With a completed record: only the key that it names. With an open or failed record, the key is unknown, so only a
    value that identifies itself as a Polytomic connection counts; plain text could be anyone's password.
    """
    if stored.value is None or record is None:
        return False
    return record.fingerprint == stored.value.fingerprint if record.state == "done" else stored.is_recognised


def _fingerprint(stored: StoredSecret, record: IssuanceRecord | None) -> str | None:
    """Return the fingerprint of this package's key that was stored, or that an earlier try removed."""
    if stored.value is not None and _is_recognised(stored, record):
        return stored.value.fingerprint
    return record.fingerprint if record and not _is_occupied(stored) else None


def _describe_unknown_value(stored: StoredSecret, record: IssuanceRecord | None) -> str:
    if stored.is_foreign:
        return "something other than a Polytomic key"
    if record is None:
        return "a value without a record, so this package is not known to have stored it"
    if record.state == "done":
        return "another value than the one that its record names"
    if record.state == "failed":
        return f"a value whose record is of a failed issuance for {record.target}, so it is not known to be that key"
    return (
        f"a value whose record is of an issuance for {record.target} that is open since "
        f"{record.opened_at.isoformat()}: either the key that was issued, or what was stored before"
    )
