"""What stands around a rotation that dies? Customers with a destination each, in one store, and what must be so.

Each customer has one user, or two whose keys are at the destination in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.api_key import ApiKey
from tests.crash.job import Rotations, Strike
from tests.crash.scenario import FIRST_RUN

if TYPE_CHECKING:
    from tests.crash.job import Outcome
    from tests.crash.scenario import Scenario, World

__all__ = ["SHAPES", "Customer", "Rotation", "Shape", "run_time"]


@dataclass(frozen=True)
class Shape:
    """What is rotated at once.

    :param standbys: for each destination, whether it has a standby user.
    :param workers: so many threads rotate them as a fleet; 0: one is rotated without any.
    """

    standbys: tuple[bool, ...]
    workers: int = 0


SHAPES = {
    "single": Shape((False,)),
    "standby": Shape((True,)),
    "fleet": Shape((False, True, False), workers=3),
}


def run_time(run: int) -> str:
    """Return the own time of a run, counted from 0; each finds the key of the one before due.

    A day apart: a key counts as issued now, if that is later than its run, and the full form takes hours.
    """
    return (FIRST_RUN + timedelta(days=run)).isoformat()


@dataclass(frozen=True)
class Customer:
    """One destination.

    :param scenario: the destination, the first user and their organization.
    :param user_ids: of those whose keys it holds in turn, the first one first.
    """

    scenario: Scenario
    user_ids: tuple[str, ...]

    @classmethod
    def new(cls, world: World, place: str, *, standby: bool, beside: Scenario | None = None) -> Customer:
        """Make one, whose destination holds no key yet."""
        scenario = world.scenario(place, forced=True, beside=beside)
        user_ids = [scenario.user.id]
        if standby:
            user_ids.append(world.emulator.add_user(scenario.user.organization_id, "standby@acme.example").id)
        return cls(scenario, tuple(user_ids))

    @property
    def destination(self) -> str:
        return self.scenario.job.destination

    @property
    def target(self) -> dict[str, str]:
        """As a job names it."""
        given = {"org_id": self.scenario.user.organization_id, "user_id": self.user_ids[0]}
        standby = {"standby_user_id": self.user_ids[1]} if self.user_ids[1:] else {}
        return {**given, **standby, "destination": self.destination}

    def user_of(self, run: int) -> str:
        """Whose key is stored after a run, counted from 0."""
        return self.user_ids[run % len(self.user_ids)]

    def live(self) -> set[str]:
        """Return the fingerprints of all keys that work."""
        emulator = self.scenario.emulator
        return {ApiKey(key).fingerprint for user_id in self.user_ids for key in emulator.keys_of(user_id)}

    def check(self, runs: int, told: dict[str, Any], story: object) -> None:
        """Check that all is well after so many runs: each issued one key, and the last one's is stored and works."""
        emulator, user_id = self.scenario.emulator, self.user_of(runs - 1)
        for index, each in enumerate(self.user_ids):
            theirs = len(range(index, runs, len(self.user_ids)))
            assert emulator.minted(each) == theirs, f"keys issued for user {index}: {story}"
            assert len(emulator.keys_of(each)) == min(theirs, 1), f"live keys of user {index}: {story}"
        live = emulator.live_key(user_id)
        fingerprint = ApiKey(live).fingerprint
        assert told["readers_get"][self.destination] == fingerprint, f"readers get another key: {story}"
        record = told["records"][self.destination]
        assert (record["state"], record["fingerprint"], record["user_id"]) == ("done", fingerprint, user_id), story
        if self.scenario.served:
            self.scenario.served.check(live, kept=True)


@dataclass(frozen=True)
class Rotation:
    """All destinations of one shape, rotated together by processes that may be killed.

    :param history: how many runs have been done before the one that is struck.
    """

    world: World
    shape: Shape
    customers: tuple[Customer, ...]
    history: int

    @classmethod
    def new(cls, world: World, place: str, shape: Shape, history: int) -> Rotation:
        """Make the customers."""
        customers: list[Customer] = []
        for standby in shape.standbys:
            beside = customers[0].scenario if customers else None
            customers.append(Customer.new(world, place, standby=standby, beside=beside))
        return cls(world, shape, tuple(customers), history)

    def job(self, first: int, last: int, **given: Any) -> Rotations:
        """The runs from one to another, counted from 0."""
        base = self.customers[0].scenario.job
        runs = tuple(run_time(run) for run in range(first, last + 1))
        targets = tuple(each.target for each in self.customers)
        given = {"workers": self.shape.workers, "in_a_task": base.in_a_task, **given}
        return Rotations(targets, runs, base.environ, **given)

    def strike(self, at: int, signal: int) -> Outcome:
        """Do all runs in one process, and strike at a point of the last one."""
        return self.world.zygote.run(self.job(0, self.history, strike=Strike(at, signal)))

    def retry(self, strike: Strike | None = None) -> Outcome:
        """Try the last run again in another process, and where it is not to be killed, once more.

        It reports what readers get before anything else.
        """
        look_first = self.history > 0 and any(self.shape.standbys)
        job = self.job(self.history, self.history, strike=strike, look_first=look_first)
        return self.world.zygote.run(job if strike else replace(job, runs=job.runs * 2))

    def story(self, what_happened: object, after: Outcome) -> str:
        """Tell it all, for a failing test."""
        posts = [
            (request.path.split("/")[-3], request.idempotency_key, request.status)
            for request in self.world.emulator.received("create_api_key")
            if any(user_id in request.path for each in self.customers for user_id in each.user_ids)
        ]
        return f"{what_happened}\nthen {after}\nposts {posts}\n{self.world.zygote.said()}"
