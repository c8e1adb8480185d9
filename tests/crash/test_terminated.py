"""A task that Airflow 2.11 terminates leaves a state from which the next try continues: SIGTERM at every point.

Airflow's handler raises an exception that is not an ``Exception``, between any two lines.
"""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.crash.job_runner import TERMINATED

from .scenario import Scenario, count_interrupted, each_point

if TYPE_CHECKING:
    from tests.crash.environment import Environment

    from .job import Watch

pytestmark = pytest.mark.crash


@pytest.mark.parametrize(
    ("place", "shape", "watch"),
    [
        ("json-connection", "ensured", "calls"),
        ("json-connection", "ensured", "lines"),
        ("json-connection", "forced", "calls"),
        ("json-connection", "forced", "steps"),
        ("vault-kv2-connection", "forced", "calls"),
        ("aws-secretsmanager-connection", "forced", "calls"),
    ],
)
def test_terminated_at_any_point_and_completed_by_the_next_run(
    environment: Environment, place: str, shape: str, watch: Watch
) -> None:
    points = []
    new, ends = partial(Scenario.new, environment, place, shape), ("exited", TERMINATED)
    for scenario, point in each_point(new, watch=watch, signal_=signal.SIGTERM, ends=ends):
        # The signal can also arrive within the clean-up; then the next run does it.
        assert watch != "calls" or not scenario.customer.aside(), "no copy of the key is left behind"
        scenario.check_that_the_next_try_completes(f"terminated {point}")
        assert scenario.customer.aside() == []
        points.append(point)
    assert len(points) >= 20
    count_interrupted(f"{place}, {shape}, terminated, {watch}", len(points))
