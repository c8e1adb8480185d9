"""Two processes that rotate the same key at once, or of which one creates it, end with one key.

Both start from the same state. Each waits at a random point until the other has reached its own; in every eighth round
none waits. A try that fails because of the other process is repeated, as by Airflow.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from tests.counters import count
from tests.crash.scenario import run_time
from tests.crash.test_kills import CALLS

from .conftest import PLACES
from .racers import race, racing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.environment import Customer, Environment
    from tests.crash.racer import Channel

pytestmark = [
    pytest.mark.crash,
    pytest.mark.parametrize("place", PLACES, indirect=True),
]

POINTS = tuple(f"{when} {call}" for call in CALLS for when in ("before", "after"))
# The number of rounds for one customer; the first of them starts without a stored key.
ROUNDS_EACH = 10

Rounds = Callable[[int, int], int]


@dataclass
class Round:
    """Two processes that act on the same destination at once.

    :param run: the number of earlier rounds of this customer.
    :param acts: the actions of the two.
    """

    what: str
    place: str
    number: int
    run: int
    customer: Customer
    racers: list[Channel]
    meet: tuple[str | None, str | None]
    acts: tuple[str, str]
    ends: list[dict[str, Any]] = field(default_factory=list)

    @property
    def story(self) -> str:
        """The events of the round, for a failing test."""
        return f"round {self.number}, {self.acts} met at {self.meet}: {self.ends}"

    def play(self) -> None:
        """Run both, and repeat a try that failed because of the other."""
        orders = [self._order(act, meet) for act, meet in zip(self.acts, self.meet, strict=True)]
        emulator = self.customer.environment.emulator
        before = emulator.counts().get("create_api_key", 0)
        self.ends = race(self.racers, orders)
        both_asked = emulator.counts()["create_api_key"] - before > 1
        count(f"rounds of {self.what}, by two processes at once", self.place)
        count(f"of them with requests of both for a key, {self.what}", self.place, both_asked)
        for number, end in enumerate(self.ends):
            if "error" in end:
                assert end["retryable"], self.story
                count(f"tries that were repeated, {self.what}", self.place)
                (again,) = race([self.racers[number]], [{**orders[number], "meet": None}])
                assert "error" not in again, f"{self.story}\nthen {again}"
                self.ends[number] = again

    def read(self) -> str:
        """Return the key that readers receive."""
        (end,) = race(self.racers[:1], [self._order("read", None)])
        stored: str = end["readers_get"]
        return stored

    def _order(self, act: str, meet: str | None) -> dict[str, Any]:
        return {**self.customer.target, "act": act, "run_time": run_time(self.run), "meet": meet}


def each_round(
    environment: Environment, place: str, what: str, number: int, *, acts: tuple[str, str], standby: bool = False
) -> Iterator[Round]:
    """Yield the rounds one after the other."""
    chance = random.Random(f"{place} {what}")
    customer = environment.customer(place, standby=standby)
    with racing(customer) as racers:
        for each in range(number):
            run = each % ROUNDS_EACH
            if each and run == 0:
                customer = environment.customer(place, standby=standby, beside=customer)
            meet = (chance.choice(POINTS), chance.choice(POINTS)) if each % 8 else (None, None)
            yield Round(what, place, each, run, customer, racers, meet, acts)


def check_that_both_have_the_one_key(round_: Round, environment: Environment) -> None:
    live = ApiKey(environment.emulator.live_key(round_.customer.user_of(round_.run))).fingerprint
    assert [each["reference"]["fingerprint"] for each in round_.ends] == [live, live], round_.story
    assert [round_.read(), *(each["readers_get"] for each in round_.ends)] == [live] * 3, round_.story
    assert {each["reference"]["issuance_id"] for each in round_.ends} == {round_.ends[0]["reference"]["issuance_id"]}
    minted = [environment.emulator.minted(user_id) for user_id in round_.customer.user_ids]
    assert sum(minted) == round_.run + 1, f"keys issued {minted}: {round_.story}"


def test_two_rotations_issue_one_key_and_both_end_with_it(environment: Environment, place: str, rounds: Rounds):
    acts = ("rotate", "rotate")
    for each in each_round(environment, place, "two rotations of the same key", rounds(6, 1000), acts=acts):
        each.play()
        check_that_both_have_the_one_key(each, environment)


def test_two_rotations_with_a_standby_user_issue_one_key_and_leave_the_one_in_use_alive(
    environment: Environment, place: str, rounds: Rounds
):
    acts, what = ("rotate", "rotate"), "two rotations with the same standby user"
    for each in each_round(environment, place, what, rounds(3, 300), acts=acts, standby=True):
        in_use = each.read() if each.run else None
        each.play()
        check_that_both_have_the_one_key(each, environment)
        assert in_use is None or in_use in each.customer.live(), f"the key in use died: {each.story}"


def test_after_a_rotation_against_a_creation_the_key_that_is_stored_works(
    environment: Environment, place: str, rounds: Rounds
):
    what = "a rotation against a creation"
    for each in each_round(environment, place, what, rounds(4, 300), acts=("rotate", "create")):
        (user_id,) = each.customer.user_ids
        before = environment.emulator.minted(user_id)
        each.play()
        assert each.read() in each.customer.live(), f"what is stored is revoked: {each.story}"
        count(f"keys issued in {what}", place, environment.emulator.minted(user_id) - before)
