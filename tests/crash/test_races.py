"""What if another issuer is at the same destination while one is killed? One key, whoever finishes."""

from __future__ import annotations

import itertools
import random
import signal
from dataclasses import replace

import pytest

from .job import Strike

pytestmark = pytest.mark.crash

FORCED = pytest.mark.parametrize("forced", [False, True], ids=["ensured", "forced"])


@pytest.mark.parametrize(
    ("place", "forced", "watch", "points"),
    [
        ("json-connection", False, "calls", range(1, 23)),
        ("json-connection", True, "calls", range(1, 23)),
        ("json-connection", False, "lines", range(1, 180, 9)),
        ("json-connection", True, "lines", range(1, 180, 9)),
        ("vault-kv1-connection", True, "calls", range(1, 23, 2)),
        ("vault-kv2-connection", True, "calls", range(2, 23, 2)),
        ("aws-secretsmanager-connection", True, "steps", range(1, 43, 4)),
        ("aws-ssm-connection", True, "steps", range(1, 43, 4)),
    ],
)
def test_of_two_that_race_one_is_killed(world, place, forced, watch, points):
    killed = 0
    for at in points:
        scenario = world.scenario(place, forced=forced)
        if forced:
            assert world.zygote.run(replace(scenario.job, runs=scenario.job.runs[:1])).code == 0
        doomed, other = (
            world.zygote.start(replace(scenario.last_run, strike=strike))
            for strike in (Strike(at, signal.SIGKILL, watch), None)
        )
        ends = [world.zygote.wait(doomed), world.zygote.wait(other)]
        killed += ends[0].state == "killed"
        assert ends[1].state == "exited", "nobody waits for a lock of the dead"
        assert ends[1].code == 0 or ends[1].told["error"]["retryable"], ends
        scenario.check_that_the_next_run_completes(ends)
        if scenario.aside():
            scenario.check_that_a_later_run_tidies_up()
    assert killed > 5


@FORCED
def test_one_stands_still_while_another_dies_and_then_goes_on(world, forced):
    """The sample of all pairs of points: where the one stands, where the other is killed."""
    met = 0
    pairs = list(itertools.product(range(1, 23), range(1, 23)))
    for stands_at, dies_at in random.Random(11).sample(pairs, 30):
        scenario = world.scenario("json-connection", forced=forced)
        slow = world.zygote.start(replace(scenario.job, strike=Strike(stands_at, signal.SIGSTOP)))
        stood = world.zygote.wait(slow)
        other = scenario.strike(dies_at, whole=False)
        ends = [stood, other]
        if stood.state == "stopped":
            met += 1
            world.zygote.resume(slow)
            ends.append(world.zygote.wait(slow))
            assert ends[-1].state == "exited", ends
            assert ends[-1].code == 0 or ends[-1].told["error"]["retryable"], ends
        scenario.check_that_the_next_run_completes(ends)
    assert met > 20
