"""Scenarios of issuers that die: their customers, their jobs, and the expected state at the end.

Each customer has one user, or two whose keys are stored in turn.
"""

from __future__ import annotations

import itertools
import signal
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.counters import count

from .job import Interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.crash.environment import Customer, Environment

    from .issuer import Issuance
    from .job import Outcome, Watch

__all__ = ["Scenario", "count_interrupted", "each_point", "run_time"]

FIRST_RUN = datetime.now(UTC)


def run_time(run: int) -> str:
    """Return the time of a run, counted from 0, at which the key of the previous run is due.

    Runs are a day apart: a key counts as issued now if that is later than its run, and the full form takes hours.
    """
    return (FIRST_RUN + timedelta(days=run)).isoformat()


@dataclass(frozen=True)
class Shape:
    """The keys that a scenario issues together.

    :param renew: whether runs rotate the stored keys, instead of ensuring that there is a key.
    :param standbys: for each destination, whether it has a standby user.
    :param workers: number of threads that rotate the keys as a batch; 0: one key is issued without a batch.
    """

    renew: bool = True
    standbys: tuple[bool, ...] = (False,)
    workers: int = 0


SHAPES = {
    "ensured": Shape(renew=False),
    "forced": Shape(),
    "standby": Shape(standbys=(True,)),
    "batch": Shape(standbys=(False, True, False), workers=3),
}


@dataclass(frozen=True)
class Scenario:
    """Customers whose keys are issued together, by processes that can be killed.

    :param history: the number of runs before the interrupted one.
    """

    environment: Environment
    shape: Shape
    customers: tuple[Customer, ...]
    history: int

    @classmethod
    def new(
        cls, environment: Environment, place: str, shape: str = "forced", *, history: int | None = None
    ) -> Scenario:
        """Create new customers; if keys are rotated, a person keeps other data beside each.

        :param history: the number of runs before the interrupted one; by default one if keys are rotated, else none.
        """
        chosen = SHAPES[shape]
        customers: list[Customer] = []
        for standby in chosen.standbys:
            customer = environment.customer(place, standby=standby, beside=customers[0] if customers else None)
            if chosen.renew and customer.served:
                customer.served.keep_something(environment.emulator.base_url)
            customers.append(customer)
        return cls(environment, chosen, tuple(customers), int(chosen.renew) if history is None else history)

    @property
    def customer(self) -> Customer:
        """The first or only customer."""
        return self.customers[0]

    def job(self, first: int = 0, last: int | None = None, **given: Any) -> Issuance:
        """Return the job for a range of runs, counted from 0; by default up to the interrupted one."""
        runs = range(first, (self.history if last is None else last) + 1)
        return self.customer.job(
            targets=tuple(each.target for each in self.customers),
            runs=tuple(run_time(run) for run in runs),
            renew=self.shape.renew,
            workers=self.shape.workers,
            **given,
        )

    @property
    def last_run(self) -> Issuance:
        """Return the job of the interrupted run alone."""
        return self.job(self.history)

    def do_history(self) -> None:
        """Do the runs before the interrupted one."""
        if self.history:
            assert self.environment.fork_server.run(self.job(0, self.history - 1)).code == 0, (
                self.environment.fork_server.said()
            )

    def interrupt(
        self, at: int, signal_: int = signal.SIGKILL, *, watch: Watch = "calls", whole: bool = True
    ) -> Outcome:
        """Run the job and interrupt its last run at a point.

        :param whole: whether to include the earlier runs.
        """
        job = self.job() if whole else self.last_run
        return self.environment.fork_server.run(replace(job, interruption=Interruption(at, signal_, watch)))

    def check_that_the_next_try_completes(
        self, what_happened: object, interruption: Interruption | None = None
    ) -> Outcome:
        """Try the last run again, twice, in other processes, and check that one key is stored and nothing is left over.

        With a standby user, readers have a working key even before that.

        :param interruption: kills this try, too; then nothing is checked.
        """
        steady = self.history > 0 and any(self.shape.standbys)
        live = [each.live() for each in self.customers]
        job = replace(self.last_run, look_first=steady, interruption=interruption)
        after = self.environment.fork_server.run(job if interruption else replace(job, runs=job.runs * 2))
        if after.state == "killed":
            return after
        story = self.story(what_happened, after)
        assert (after.state, after.code) == ("exited", 0), story
        for customer, working in zip(self.customers, live, strict=True):
            if steady and len(customer.user_ids) == 2:
                got = after.report["readers_got"][customer.destination]
                assert got in working, f"readers got a revoked key before the next try: {story}"
            customer.check(self.history + 1, after.report, story)
            assert interruption or after.report["issued"][customer.destination] is False, story
            if customer.served:
                key = self.environment.emulator.live_key(customer.user_of(self.history))
                customer.served.check(key, kept=self.shape.renew)
        users = [user_id for each in self.customers for user_id in each.user_ids]
        keys = {key for each in users for key in self.environment.emulator.keys_of(each)}
        self.customer.check_files(keys, len(self.customers))
        return after

    def check_that_a_later_run_tidies_up(self) -> None:
        """Rotate again, and check that the next write removes what a killed process left behind."""
        later = replace(self.last_run, runs=(run_time(self.history + 1),), renew=True)
        assert self.environment.fork_server.run(later).code == 0, self.environment.fork_server.said()
        assert self.customer.aside() == []

    def story(self, what_happened: object, after: Outcome) -> str:
        """Return the events, for a failing test."""
        user_ids = [user_id for each in self.customers for user_id in each.user_ids]
        posts = [
            (request.path.split("/")[-2], request.idempotency_key, request.status)
            for request in self.environment.emulator.received("create_api_key")
            if any(user_id in request.path for user_id in user_ids)
        ]
        return f"{what_happened}\nthen {after}\nposts {posts}\n{self.environment.fork_server.said()}"


def each_point(
    new: Callable[[], Scenario],
    *,
    watch: Watch = "calls",
    every: int = 1,
    signal_: int = signal.SIGKILL,
    ends: tuple[str, int] = ("killed", signal.SIGKILL),
) -> Iterator[tuple[Scenario, str]]:
    """Interrupt a new scenario at each next point, until one reaches its end, and yield each with its point.

    :param every: only every n-th point.
    :param ends: the expected end of the interrupted process.
    """
    for at in itertools.count(1, every):
        scenario = new()
        outcome = scenario.interrupt(at, signal_, watch=watch)
        if outcome.point is None:
            assert (outcome.state, outcome.code) == ("exited", 0), scenario.story("not interrupted", outcome)
            return
        assert (outcome.state, outcome.code) == ends, scenario.story("interrupted", outcome)
        yield scenario, outcome.point


def count_interrupted(where: str, number: int = 1) -> None:
    """Count an interrupted process for the summary."""
    count("processes that were interrupted, each followed by one that completed", where, number)
