"""Does kill -9 ever cost a key, or a second one, while keys are rotated? Before and after every call, in every store.

A process that has rotated before is killed at each point of its next rotation in turn, until one lives to its end: so
no point is forgotten. Then another process tries the same run again, as Airflow's retry does. Rotated are one key, one
with a standby user, and a fleet that has both.

The full form has ten rounds of all that; in every second one, the retry is killed too. The short form has one round: in
it each store has a standby user or a fleet, a fleet is struck at every fifth point, and the single key is left to
``tests/crash/test_kills.py``, which strikes it in all stores but those of a real Vault, and inside the calls as well.
"""

from __future__ import annotations

import itertools
import random
import signal
from typing import TYPE_CHECKING

import pytest

from tests.crash.job import Strike
from tests.crash.scenario import LOCAL
from tests.crash.servers import SERVED
from tests.crash.test_kills import CALLS
from tests.tally import count

from .places import METASTORE, PLACES
from .rotations import SHAPES, Rotation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.job import Outcome
    from tests.crash.scenario import World

pytestmark = pytest.mark.crash

KILLED = signal.SIGKILL
# How many runs there were before: in the first round, both users of a pair have had their turn.
HISTORIES = (2, 1, 3, 0)
WITH_A_FLEET = (
    "json-variable", METASTORE, "vault-kv2-outside", "vault_real-kv2-outside", "aws-secretsmanager-outside",
    "aws-ssm-outside",
)  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = [
        (place, shape)
        for place, shape in itertools.product(PLACES, SHAPES)
        if metafunc.config.getoption("proof") == "full" or is_short(place, shape)
    ]
    metafunc.parametrize(("place", "shape"), chosen, indirect=["place"])


def is_short(place: str, shape: str) -> bool:
    """Whether the short form has it."""
    if shape == "single":
        return place not in {*LOCAL, *SERVED}
    return (shape == "fleet") == (place in WITH_A_FLEET) or place == METASTORE


def test_killed_before_or_after_any_call_and_completed_by_the_next_try(
    world: World, place: str, shape: str, rounds: Callable[[int, int], int]
):
    chance = random.Random(f"{place} {shape}")
    every = rounds(5, 1) if shape == "fleet" else 1
    for round_ in range(rounds(1, 10)):
        struck = set()
        for at in itertools.count(1, every):
            rotation = Rotation.new(world, place, SHAPES[shape], HISTORIES[round_ % len(HISTORIES)])
            outcome = rotation.strike(at, KILLED)
            if outcome.point is None:
                assert (outcome.state, outcome.code) == ("exited", 0), rotation.story("not struck", outcome)
                break
            assert (outcome.state, outcome.code) == ("killed", KILLED)
            struck.add(outcome.point)
            count(f"processes killed while they rotated, {shape}", place)
            story = f"round {round_}: killed {outcome.point}, which is point {at}"
            if round_ % 2:
                again = try_again(rotation, story, Strike(chance.randrange(1, at + 8), KILLED))
                story += f", then {again.point}"
                count(f"retries killed too, {shape}", place, again.state == "killed")
            try_again(rotation, story)
            count(f"keys issued by the rotations that were killed, none lost, {shape}", place, len(rotation.customers))
        if every == 1:
            assert {f"{when} {call}" for when in ("before", "after") for call in CALLS} <= struck
        assert len(struck) > 5


def try_again(rotation: Rotation, story: str, strike: Strike | None = None) -> Outcome:
    """Try again, and check what readers got before that, and all that must be so if this one lives to its end."""
    live = [each.live() for each in rotation.customers]
    after = rotation.retry(strike)
    if after.state == "killed":
        return after
    assert (after.state, after.code) == ("exited", 0), rotation.story(story, after)
    for customer, working in zip(rotation.customers, live, strict=True):
        if len(customer.user_ids) == 2 and rotation.history:
            got = after.told["readers_got"][customer.destination]
            assert got in working, rotation.story(f"{story}: readers got a dead key before the retry", after)
        customer.check(rotation.history + 1, after.told, rotation.story(story, after))
        if not strike:
            assert after.told["issued"][customer.destination] is False, rotation.story(story, after)
    return after
