"""Another issuer at the same destination while one is killed: one key, whichever of them finishes."""

from __future__ import annotations

import itertools
import random
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .job import Interruption
from .scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.crash.environment import Environment

    from .job import Watch

pytestmark = pytest.mark.crash


@pytest.mark.parametrize(
    ("place", "shape", "watch", "points"),
    [
        ("json-connection", "ensured", "calls", range(1, 23)),
        ("json-connection", "forced", "calls", range(1, 23)),
        ("json-connection", "ensured", "lines", range(1, 180, 9)),
        ("json-connection", "forced", "lines", range(1, 180, 9)),
        ("vault-kv1-connection", "forced", "calls", range(1, 23, 2)),
        ("vault-kv2-connection", "forced", "calls", range(2, 23, 2)),
        ("aws-secretsmanager-connection", "forced", "steps", range(1, 43, 4)),
        ("aws-ssm-connection", "forced", "steps", range(1, 43, 4)),
    ],
)
def test_of_two_that_race_one_is_killed(
    environment: Environment, place: str, shape: str, watch: Watch, points: Sequence[int]
) -> None:
    killed = 0
    for at in points:
        scenario = Scenario.new(environment, place, shape)
        scenario.do_history()
        job = scenario.last_run
        doomed = environment.fork_server.start(replace(job, interruption=Interruption(at, signal.SIGKILL, watch)))
        other = environment.fork_server.start(job)
        ends = [environment.fork_server.wait(doomed), environment.fork_server.wait(other)]
        killed += ends[0].state == "killed"
        assert ends[1].may_be_tried_again, f"no process waits for a lock of a killed one: {ends}"
        scenario.check_that_the_next_try_completes(ends)
        if scenario.customer.aside():
            scenario.check_that_a_later_run_tidies_up()
    assert killed > 5


@pytest.mark.parametrize("shape", ["ensured", "forced"])
def test_one_stands_still_while_another_dies_and_then_goes_on(environment: Environment, shape: str) -> None:
    """Sample of all pairs of points: where one process is stopped, and where the other is killed."""
    met = 0
    pairs = list(itertools.product(range(1, 23), range(1, 23)))
    for stands_at, dies_at in random.Random(11).sample(pairs, 30):
        scenario = Scenario.new(environment, "json-connection", shape)
        slow = environment.fork_server.start(
            replace(scenario.job(), interruption=Interruption(stands_at, signal.SIGSTOP))
        )
        stood = environment.fork_server.wait(slow)
        ends = [stood, scenario.interrupt(dies_at, whole=False)]
        if stood.state == "stopped":
            met += 1
            environment.fork_server.resume(slow)
            ends.append(environment.fork_server.wait(slow))
            assert ends[-1].may_be_tried_again, ends
        scenario.check_that_the_next_try_completes(ends)
    assert met > 20
