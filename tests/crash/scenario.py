"""Issuers that die: what they do for which customers, and what must be so in the end.

Each customer has one user, or two whose keys are at the destination in turn.
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
    """Return the own time of a run, counted from 0; each finds the key of the one before due.

    A day apart: a key counts as issued now, if that is later than its run, and the full proof takes hours.
    """
    return (FIRST_RUN + timedelta(days=run)).isoformat()


@dataclass(frozen=True)
class Shape:
    """What is issued at once.

    :param renew: whether runs renew what is stored; else they ensure that there is a key.
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
    """Customers whose keys are issued together, by processes that may be killed.

    :param history: how many runs are done before the one that is interrupted.
    """

    environment: Environment
    shape: Shape
    customers: tuple[Customer, ...]
    history: int

    @classmethod
    def new(
        cls, environment: Environment, place: str, shape: str = "forced", *, history: int | None = None
    ) -> Scenario:
        """Make new customers; where keys are renewed, a person keeps something beside each.

        :param history: how many runs are done before the one that is interrupted; by default one, if it renews.
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
        """The first one, or the only one."""
        return self.customers[0]

    def job(self, first: int = 0, last: int | None = None, **given: Any) -> Issuance:
        """Return the runs from one to another, counted from 0; by default, to the one that is interrupted."""
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
        """Return the run that is interrupted, alone."""
        return self.job(self.history)

    def do_history(self) -> None:
        """Do the runs before that one."""
        if self.history:
            assert self.environment.fork_server.run(self.job(0, self.history - 1)).code == 0, (
                self.environment.fork_server.said()
            )

    def interrupt(
        self, at: int, signal_: int = signal.SIGKILL, *, watch: Watch = "calls", whole: bool = True
    ) -> Outcome:
        """Run the job and interrupt its last run at a point.

        :param whole: with the runs before it, too.
        """
        job = self.job() if whole else self.last_run
        return self.environment.fork_server.run(replace(job, interruption=Interruption(at, signal_, watch)))

    def check_that_the_next_try_completes(
        self, what_happened: object, interruption: Interruption | None = None
    ) -> Outcome:
        """Try the last run again in another process, and then once more: one key, stored, and nothing is left over.

        With a standby user, readers have a key that works even before that.

        :param interruption: kills this try, too: then nothing is checked.
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
        """Renew once more: the next write removes what a killed process left behind."""
        later = replace(self.last_run, runs=(run_time(self.history + 1),), renew=True)
        assert self.environment.fork_server.run(later).code == 0, self.environment.fork_server.said()
        assert self.customer.aside() == []

    def story(self, what_happened: object, after: Outcome) -> str:
        """Tell it all, for a failing test."""
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
    """Interrupt a new scenario at each next point, until one reaches its end. Yield each scenario and its point.

    :param every: interrupt at every n-th point only.
    :param ends: how the one that was interrupted is to end.
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
    """Report at the end how many processes were interrupted, and where."""
    count("processes that were interrupted, each followed by one that completed", where, number)
