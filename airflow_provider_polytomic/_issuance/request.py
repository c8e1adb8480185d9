"""What one try of an issuance is asked to do, and how far it has got."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from airflow_provider_polytomic._issuance.protocols import PolytomicApi
    from airflow_provider_polytomic._issuance.record import IssuanceRecord, Run
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic._support.clock import Clock
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = ["Ensure", "IssuanceRequest", "KeyOwners", "Progress", "Rotate"]


@dataclass(frozen=True)
class Ensure:
    """Mode that keeps a stored key that works and otherwise issues one, without revoking any.

    :param run: the DAG run that asks; None outside of a run.
    """

    run: Run | None = None


@dataclass(frozen=True)
class Rotate:
    """Mode that replaces a key which another run issued and which is ``max_age`` old at this run's time.

    The replaced key is revoked.

    :param run: the DAG run that asks.
    :param max_age: the age from which a key is due; zero rotates once a run.
    """

    run: Run
    max_age: timedelta

    def is_due(self, record: IssuanceRecord) -> bool:
        """Whether the key of the record is to be replaced. No clock is read, so every try of the run decides the same.

        The age also counts in the DAG's time zone: a week that loses an hour to daylight saving time is a week.
        """
        if record.is_of(self.run):
            return False
        zones = (UTC, self.run.zone)
        return any(
            record.counts_as_issued_at.astimezone(zone) + self.max_age <= self.run.time.astimezone(zone)
            for zone in zones
        )


@dataclass(frozen=True)
class KeyOwners:
    """The users whose keys the destination may hold: one user, or two that alternate.

    :param first: the user; with a standby user, the one to begin with.
    :param standby: another user of the same organization.
    """

    first: Target
    standby: Target | None = None

    def __iter__(self) -> Iterator[Target]:
        """Iterate over the one or two users."""
        return iter((self.first,) if self.standby is None else (self.first, self.standby))

    def other(self, user: Target) -> Target:
        """Return the user whose turn comes after this user's."""
        return self.standby if self.standby is not None and user == self.first else self.first

    def __str__(self) -> str:
        """Return the users as messages name them."""
        return str(self.first) if self.standby is None else f"{self.first} or {self.standby}"


@dataclass(frozen=True)
class IssuanceRequest:
    """What one try is asked to do, and what it works with.

    :param hide: masks a key in the logs.
    :param take_over: replace a value that this package did not store, or another user's key.
    :param stopping: whether the task was asked to stop.
    """

    polytomic: PolytomicApi
    store: SecretStore
    owners: KeyOwners
    mode: Ensure | Rotate
    hide: Callable[[ApiKey], None]
    take_over: bool
    stopping: Callable[[], bool]
    clock: Clock

    @property
    def is_forced(self) -> bool:
        """Whether the user's earlier keys are revoked."""
        return isinstance(self.mode, Rotate)

    def later_run(self, record: IssuanceRecord) -> Run | None:
        """Return the later of this run and the record's: an older run that is cleared does not replace a newer one."""
        own, recorded = self.mode.run, record.run
        return recorded if own is None or (recorded is not None and recorded.time > own.time) else own


@dataclass
class Progress:
    """How far one try has got.

    :param target: the user whose key the try works for, as its last decision says.
    :param reads: how often it has read the destination.
    :param keys_abandoned: how many idempotency keys it has given up.
    :param is_open: whether an issuance is open: found so by this try, or opened by it.
    :param posted: whether it has sent a POST.
    :param key_was_issued: whether Polytomic has returned a key to it.
    :param seconds: the duration of each step.
    """

    target: Target
    reads: int = 0
    keys_abandoned: int = 0
    is_open: bool = False
    posted: bool = False
    key_was_issued: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str, clock: Clock) -> Iterator[None]:
        """Add the time spent in the block to the step's."""
        started = clock.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + clock.monotonic() - started
