"""What is issuing given? The vendor, the mode, and time and chance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from airflow_provider_polytomic._issuance.record import IssuanceRecord, Run
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.models import Identity

__all__ = ["Ensure", "KeyOwners", "PolytomicApi", "Rotate"]


class PolytomicApi(Protocol):
    """What issuing needs of Polytomic; :class:`~airflow_provider_polytomic.hooks.polytomic.PolytomicHook` is one.

    Each call repeats itself within bounds where that is safe, so what it raises stands.
    """

    def create_api_key(self, org_id: str, user_id: str, *, force: bool, idempotency_key: str) -> ApiKey:
        """Ask for a key; the same idempotency key gives the same outcome."""

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        """Tell whose key this is; without one, who the caller is.

        :param retry_for: seconds that the call may take, if fewer than usual.
        """

    def get_user(self, org_id: str, user_id: str) -> object:
        """Tell that there is such a user."""

    def is_own_key(self, api_key: ApiKey) -> bool:
        """Whether this is the caller's own credential."""

    def server_time(self) -> datetime:
        """Return the time by Polytomic's clock, aware: one clock for all workers, whose own ones may be wrong."""


@dataclass(frozen=True)
class Ensure:
    """Keep a stored key that works; obtain one, without revoking any, where there is none.

    :param run: the DAG run that asks; None outside of a run.
    """

    run: Run | None = None


@dataclass(frozen=True)
class Rotate:
    """Replace a key that another run issued and that is as old as ``max_age`` by this run's own time, revoking it.

    :param run: the DAG run that asks.
    :param max_age: the age from which a key is due; zero renews once a run.
    """

    run: Run
    max_age: timedelta

    def is_due(self, record: IssuanceRecord) -> bool:
        """Whether the key of the record is to be replaced. No clock is asked, so each try of the run finds the same.

        The age counts in the DAG's time zone as well: a week that loses an hour to daylight saving time is a week.
        """
        if record.is_of(self.run):
            return False
        zones = (UTC, self.run.zone)
        return any(
            record.counts_from.astimezone(zone) + self.max_age <= self.run.time.astimezone(zone) for zone in zones
        )


@dataclass(frozen=True)
class KeyOwners:
    """Whose keys may be at the destination: one user's, or those of two in turn.

    :param first: the user; with a standby user, the one to begin with.
    :param standby: another user of the same organization.
    """

    first: Target
    standby: Target | None = None

    def __iter__(self) -> Iterator[Target]:
        """Iterate over the one or two."""
        return iter((self.first,) if self.standby is None else (self.first, self.standby))

    def other(self, user: Target) -> Target:
        """Return the one whose turn it is after this one's."""
        return self.standby if self.standby is not None and user == self.first else self.first

    def __str__(self) -> str:
        """Name them as the messages do."""
        return str(self.first) if self.standby is None else f"{self.first} or {self.standby}"
