"""Does a task that Airflow 2.11 terminates leave a state from which the next try goes on? SIGTERM at every point.

Its handler raises an exception that is no ``Exception``, between any two lines.
"""

from __future__ import annotations

import itertools
import signal

import pytest

from .performing import TERMINATED
from .scenario import count_struck

pytestmark = pytest.mark.crash


@pytest.mark.parametrize(
    ("place", "forced", "watch"),
    [
        ("json-connection", False, "calls"),
        ("json-connection", False, "lines"),
        ("json-connection", True, "calls"),
        ("json-connection", True, "steps"),
        ("vault-kv2-connection", True, "calls"),
        ("aws-secretsmanager-connection", True, "calls"),
    ],
)
def test_terminated_at_any_point_and_completed_by_the_next_run(world, place, forced, watch):
    points = []
    for at in itertools.count(1):
        scenario = world.scenario(place, forced=forced)
        outcome = scenario.strike(at, signal.SIGTERM, watch=watch)
        if outcome.point is None:
            assert (outcome.state, outcome.code) == ("exited", 0), scenario.zygote.said()
            break
        assert (outcome.state, outcome.code) == ("exited", TERMINATED), scenario.zygote.said()
        # Between any two lines can also be within the clean-up itself; the next run does it then.
        assert watch != "calls" or not scenario.aside(), "no copy of the key is left behind"
        scenario.check_that_the_next_run_completes(f"terminated {outcome.point}")
        assert scenario.aside() == []
        points.append(outcome.point)
    assert len(points) >= 20
    count_struck(f"{place}, {'forced' if forced else 'ensured'}, terminated, {watch}", len(points))
