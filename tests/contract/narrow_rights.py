"""Issuances and removals with narrow rights: a first key, a key that is kept, a rotation."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from airflow_provider_polytomic._issuance import Ensure, Rotate, issue
from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic._removal.remove import remove_key
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import IssuanceError, SecretStoreError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import open_store
from tests.runs import renew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_polytomic._issuance.reference import KeyReference
    from airflow_provider_polytomic.secret_stores.base import SecretStore
    from airflow_provider_polytomic.testing import PolytomicEmulator, User

__all__ = ["PHASES", "Issuer", "Outcome"]

_MONDAY = datetime(2031, 1, 6, tzinfo=UTC)
_MODES: dict[str, Ensure | Rotate] = {
    "a first key": Ensure(),
    "a key that is kept": Ensure(),
    "a rotation": renew(_MONDAY),
}
# The order in which they are tried on one destination, and the number of issued keys after each.
PHASES = {"a first key": 1, "a key that is kept": 1, "a rotation": 2}


@dataclass(frozen=True)
class Outcome:
    """The result of one try.

    :param error: None for success.
    :param posts: requests for a key that reached Polytomic.
    """

    error: SecretStoreError | IssuanceError | None
    posts: int


@dataclass(frozen=True)
class Issuer:
    """Issuer of the key of one user to one destination, with the present configuration of Airflow."""

    emulator: PolytomicEmulator
    user: User
    destination: str

    @property
    def name(self) -> str:
        """The name of the secret, without its folder."""
        return self.destination.partition("?")[0].rpartition("/")[2]

    def attempt(self, phase: str) -> Outcome:
        """Try a phase."""
        before = self._posts()
        try:
            with self._opened() as (hook, store):
                self._issue(phase, hook, store)
        except (SecretStoreError, IssuanceError) as error:
            return Outcome(error, self._posts() - before)
        return Outcome(None, self._posts() - before)

    def complete(self, phase: str) -> None:
        """Complete a phase with all rights: the stored key is the only one that the phase has issued."""
        with self._opened() as (hook, store):
            reference = self._issue(phase, hook, store)
            key, back = store.read().value, store.read_back()
        self.check_minted(phase)
        assert key is not None
        assert key.matches(back)
        assert key.reveal() == self.emulator.live_key(self.user.id)
        assert key.fingerprint == reference.fingerprint

    def attempt_removal(self) -> SecretStoreError | IssuanceError | None:
        """Try to remove the key, active or revoked, and its record; return the error, or None for success."""
        try:
            with self._opened() as (hook, store):
                remove_key(hook, store, allow_active_key=True, clock=Clock(sleep=lambda _: None))
        except (SecretStoreError, IssuanceError) as error:
            return error
        return None

    def leave_key(self) -> tuple[bool, bool]:
        """Leave a key and its record; return what :meth:`find` then returns."""
        self.complete("a first key")
        return True, True

    def leave_record(self) -> tuple[bool, bool]:
        """Leave a record alone, as an issuance that Polytomic rejects; return what :meth:`find` then returns."""
        target = Target.parse(self.user.organization_id, self.user.id)
        record = IssuanceRecord("failed", str(UUID(int=1)), False, 1, _MONDAY, "absent", target)
        with self._opened() as (_, store):
            store.read_record()
            store.write_record(record.to_mapping())
        return False, True

    def find(self) -> tuple[bool, bool]:
        """Return whether there is a key, and whether there is a record."""
        with self._opened() as (_, store):
            return store.read().value is not None, store.read_record() is not None

    def check_minted(self, phase: str) -> None:
        """Check that each phase that issues keys has issued one, however often it was tried."""
        assert self.emulator.minted(self.user.id) == PHASES[phase]

    def _issue(self, phase: str, hook: PolytomicHook, store: SecretStore) -> KeyReference:
        target = Target.parse(self.user.organization_id, self.user.id)
        clock = Clock(sleep=lambda _: None)
        return issue(hook, store, target, _MODES[phase], hide=lambda _: None, clock=clock)

    @contextmanager
    def _opened(self) -> Iterator[tuple[PolytomicHook, SecretStore]]:
        with closing(PolytomicHook()) as hook:
            store = open_store(self.destination, issuer=hook.base_url)
            yield hook, store

    def _posts(self) -> int:
        return sum(self.user.id in request.path for request in self.emulator.received("create_api_key"))
