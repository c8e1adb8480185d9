"""kill -9 never costs a key, nor makes a second one, while keys are rotated: around every call, in every store.

A process that has rotated before is killed at each point of its next rotation in turn, until one lives to its end: so
no point is forgotten. Then another process tries the same run again, as Airflow's retry does. Rotated are one key, one
with a standby user, and a batch that has both.

The full form has ten rounds of all that; in every second one, the retry is killed too. The short form has one round: in
it each store has a standby user or a batch, a batch is interrupted at every fifth point, and the single key is left to
``tests/crash/test_kills.py``, which interrupts it in all stores except a real Vault, and inside the calls as well.
"""

from __future__ import annotations

import itertools
import random
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.counters import count
from tests.crash.environment import METASTORE
from tests.crash.job import Interruption
from tests.crash.scenario import Scenario, each_point
from tests.crash.servers import REAL
from tests.crash.test_kills import CALLS

from .conftest import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.environment import Environment

pytestmark = pytest.mark.crash

# How many runs there were before: in the first round, both users of a pair have had their turn.
HISTORIES = (2, 1, 3, 0)
WITH_A_BATCH = (
    "json-variable", METASTORE, "vault-kv2-outside", "vault_real-kv2-outside", "aws-secretsmanager-outside",
    "aws-ssm-outside",
)  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = [
        (place, shape)
        for place, shape in itertools.product(PLACES, ("forced", "standby", "batch"))
        if metafunc.config.getoption("proof") == "full" or is_short(place, shape)
    ]
    metafunc.parametrize(("place", "shape"), chosen, indirect=["place"])


def is_short(place: str, shape: str) -> bool:
    """Whether the short form has it."""
    if shape == "forced":
        return place in REAL
    return (shape == "batch") == (place in WITH_A_BATCH) or place == METASTORE


def test_killed_before_or_after_any_call_and_completed_by_the_next_try(
    environment: Environment, place: str, shape: str, rounds: Callable[[int, int], int]
):
    chance = random.Random(f"{place} {shape}")
    every = rounds(5, 1) if shape == "batch" else 1
    for round_ in range(rounds(1, 10)):
        interrupted = set()
        new = partial(Scenario.new, environment, place, shape, history=HISTORIES[round_ % len(HISTORIES)])
        for number, (scenario, point) in enumerate(each_point(new, every=every)):
            interrupted.add(point)
            story = f"round {round_}: killed {point}"
            if round_ % 2:
                interruption = Interruption(chance.randrange(1, number * every + 9), signal.SIGKILL)
                again = scenario.check_that_the_next_try_completes(story, interruption)
                story += f", then {again.point}"
                count(f"retries killed too, {shape}", place, again.state == "killed")
            scenario.check_that_the_next_try_completes(story)
            count(f"processes killed while they rotated, {shape}", place)
            count(f"keys issued by the rotations that were killed, none lost, {shape}", place, len(scenario.customers))
        if every == 1:
            assert {f"{when} {call}" for when in ("before", "after") for call in CALLS} <= interrupted
        assert len(interrupted) > 5
