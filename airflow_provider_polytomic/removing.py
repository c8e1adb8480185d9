"""How does a stored key go away again? Only one of ours, only once it is dead, and its record after it.

1. *Look* at what the destination holds and at its record.
2. *Decide* whether it may go: whose it is, and whether it still works.
3. *Remove* the value, and make sure that readers get nothing any more.
4. *Remove* the record.

A process may die between any two lines: a record without a value is what the next try finishes. Nothing here knows
Airflow, HTTP or any one store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic.exceptions import (
    ConflictError,
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
)
from airflow_provider_polytomic.issuing.attempt import is_dead
from airflow_provider_polytomic.issuing.looking import is_accounted_for, read_together
from airflow_provider_polytomic.issuing.parts import Runtime
from airflow_provider_polytomic.records import Record

if TYPE_CHECKING:
    from airflow_provider_polytomic.api_key import ApiKey
    from airflow_provider_polytomic.issuing.parts import Vendor
    from airflow_provider_polytomic.secret_stores.base import Held, Store
    from airflow_provider_polytomic.targets import Target

__all__ = ["Removed", "remove_key"]

# How often the destination is looked at while it changes, and how often readers are who lag behind: within 8 s.
MOST_TRIES = 5


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
    store: Store,
    *,
    take_over: bool = False,
    allow_live: bool = False,
    runtime: Runtime | None = None,
) -> Removed:
    """Remove a stored key and its record, or find that there is nothing.

    :param take_over: remove also what this package did not put there; it is not sent to Polytomic, and where the store
        can keep it recoverable it does. The caller's own key stays all the same.
    :param allow_live: remove also a key that may still work, without asking, and the record of an issuance that may
        have issued one: afterwards nobody knows of them.
    :raises IssuanceRefusedError: if somebody must decide or do something first.
    :raises IssuanceIncompleteError: if another try can go on from here.
    :raises SecretStoreError: if the store failed; what it already removed is gone, and the next try does the rest.
    :raises PolytomicError: if Polytomic did not say whether the key still works; nothing was removed.
    """
    removal = _Removal(vendor, store, take_over, allow_live, runtime or Runtime())
    for tries in range(MOST_TRIES):
        held, record = read_together(removal.read)
        if record is None and not _is_occupied(held):
            return Removed(removed=False)
        for_good = removal.decide(held, record)
        try:
            removal.carry_out(held, record, for_good=for_good)
        except ConflictError:
            removal.runtime.pause(tries)
        else:
            target = record.target if record else None
            return Removed(removed=True, target=target, fingerprint=_fingerprint(held, record))
    raise IssuanceIncompleteError(
        f"{store.place} was still changed by somebody else when it was looked at for the {MOST_TRIES}th time. See what "
        "issues keys there; a retry goes on from what it finds."
    )


@dataclass(frozen=True)
class _Removal:
    """What one removal was given."""

    vendor: Vendor
    store: Store
    take_over: bool
    allow_live: bool
    runtime: Runtime

    def read(self) -> tuple[Held, Record | None]:
        held = self.store.read()
        return held, Record.parse(self.store.read_record(), place=self.store.place)

    def decide(self, held: Held, record: Record | None) -> bool:
        """Let go or refuse; say whether the value may be gone for good."""
        key = held.value
        if key is not None and self.vendor.is_own_key(key):
            raise self._refuse(
                "holds the caller's own key, with which keys are issued", "Correct the destination: that key stays"
            )
        for_good = False
        if key is not None and is_accounted_for(key, record):
            if not self.allow_live:
                self._check_dead(key)
                # Beside an open or failed record it may be what was there before, taken over from somebody.
                for_good = record is not None and record.state == "done"
        elif _is_occupied(held) and not self.take_over:
            raise self._refuse(
                f"holds {_stranger(held, record)}; it was not sent to Polytomic",
                "If it may be removed all the same, say take_over=True; otherwise correct the destination",
            )
        if record is not None and record.state == "open" and not self.allow_live:
            self._check_gone(record)
        return for_good

    def carry_out(self, held: Held, record: Record | None, *, for_good: bool) -> None:
        """Remove the value, then the record.

        :raises ConflictError: if either is no longer what was decided about.
        """
        self.store.check_remove(held)
        if _is_occupied(held):
            self.store.remove(held, for_good=for_good)
        self._check_unread(held, record)
        if record is None:
            return
        # An issuer that came meanwhile has written its intent here: its key would be lost with it.
        if Record.parse(self.store.read_record(), place=self.store.place) not in (record, None):
            raise ConflictError(f"The record beside {self.store.place} was changed by somebody else. Read it again.")
        self.store.remove_record()

    def _check_dead(self, key: ApiKey) -> None:
        try:
            self.vendor.get_identity(key)
        except PolytomicError as error:
            if is_dead(error):
                return
            raise
        raise self._refuse(
            "holds a key that still works",
            "Delete its user first, and the key dies; or, if it may live on without being stored here, say "
            "allow_live=True",
        )

    def _check_gone(self, record: Record) -> None:
        """Refuse while the user exists for whom an open issuance may have got a key that is stored nowhere.

        403 proves nothing: so answers a key without the rights, or of another partner. Where the organization is gone
        with all its keys, the one who knows so says allow_live.
        """
        try:
            self.vendor.get_user(record.target.org_id, record.target.user_id)
            found = "and its user still exists"
        except PolytomicNotFoundError as error:
            if error.own_words:
                return
            raise
        except PolytomicForbiddenError as error:
            found = f"and Polytomic does not say whether its user is gone ({str(error).rstrip('. ')})"
        raise self._refuse(
            f"has an issuance for {record.target} that is open since {record.opened_at.isoformat()}: a key may have "
            f"been issued that is stored nowhere, {found}",
            "Delete the user first, or let that issuance finish; if such a key is known to be dead, or may live on, "
            "say allow_live=True",
        )

    def _check_unread(self, held: Held, record: Record | None) -> None:
        """Make sure that readers get nothing any more; they may lag behind for a moment."""
        for tries in range(MOST_TRIES):
            if (back := self.store.read_back()) is None:
                return
            found = back.fingerprint
            self.runtime.pause(tries)
        now = self.store.read()
        if _is_occupied(now) and now.version != held.version:
            raise ConflictError(f"Somebody stored something in {self.store.place} meanwhile. Read it again.")
        if found == (held.value.fingerprint if held.value else _fingerprint(held, record)):
            raise IssuanceIncompleteError(
                f"The key was removed from {self.store.place}, but readers still get it. Its record stays until they "
                "do not; a retry looks again. If that does not change, another secrets backend or entry holds it too."
            )
        raise IssuanceRefusedError(
            f"Nothing is stored in {self.store.place} any more, but readers get something else under its name: another "
            "secrets backend, an environment variable or another entry answers. Remove that and run the task again."
        )

    def _refuse(self, what: str, remedy: str) -> IssuanceRefusedError:
        return IssuanceRefusedError(f"{self.store.place} {what}. Nothing was removed. {remedy}.")


def _is_occupied(held: Held) -> bool:
    return held.value is not None or held.foreign


def _fingerprint(held: Held, record: Record | None) -> str | None:
    """Name the key of ours that was held, or that an earlier try has removed."""
    if held.value is not None and is_accounted_for(held.value, record):
        return held.value.fingerprint
    return record.fingerprint if record and not _is_occupied(held) else None


def _stranger(held: Held, record: Record | None) -> str:
    if held.foreign:
        return "something other than a Polytomic key"
    if record is None:
        return "a value without a record, so none that this package is known to have put there"
    return "another value than the one that its record tells of"
