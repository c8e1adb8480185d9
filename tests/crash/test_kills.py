"""`kill -9` at any point of an issuance, in every store: no key is lost, and none is issued twice."""

from __future__ import annotations

import itertools
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash.environment import LOCAL, METASTORE

from .scenario import Scenario, count_interrupted, each_point
from .servers import SERVED

if TYPE_CHECKING:
    from .job import Watch

pytestmark = pytest.mark.crash

CALLS = ["read", "read_record", "check_write", "write_record", "create_api_key", "get_identity", "write", "read_back"]

BOTH = [*itertools.product(LOCAL, ("ensured", "forced"))]
# A server's store is the same in both ways of addressing, so the modes are distributed among them.
AROUND_CALLS = [
    *BOTH,
    *((place, "forced" if "outside" in place else "ensured") for place in SERVED),
    ("vault-kv2-connection", "forced"),
    ("vault-kv1-connection", "forced"),
]
# Stores whose operations take several requests. All stores on files write with the same code, in every mode.
INSIDE: list[tuple[str, str, Watch]] = [
    *((place, shape, "lines" if (place, shape) == ("json-connection", "forced") else "steps") for place, shape in BOTH),
    ("vault-kv1-connection", "forced", "steps"),
    ("aws-secretsmanager-connection", "ensured", "steps"),
    ("aws-secretsmanager-connection", "forced", "steps"),
    ("aws-ssm-connection", "forced", "steps"),
]


@pytest.mark.parametrize(("place", "shape"), AROUND_CALLS)
def test_killed_before_or_after_any_call_to_polytomic_or_store(environment_of: Any, place: str, shape: str) -> None:
    points = []
    for scenario, point in each_point(partial(Scenario.new, environment_of(place), place, shape)):
        scenario.check_that_the_next_try_completes(f"killed {point}")
        points.append(point)
    assert {f"{when} {call}" for when in ("before", "after") for call in CALLS} <= set(points)
    count_interrupted(f"{place}, {shape}, around calls", len(points))


@pytest.mark.parametrize(("place", "shape", "watch"), INSIDE)
def test_killed_at_any_step_inside_the_calls(environment_of: Any, place: str, shape: str, watch: Watch) -> None:
    points = []
    for scenario, point in each_point(partial(Scenario.new, environment_of(place), place, shape), watch=watch):
        scenario.check_that_the_next_try_completes(f"killed {point}")
        assert scenario.customer.aside() == [], "the run that completes tidies up"
        points.append(point)
    seen_by_others = {METASTORE: "commit"} | dict.fromkeys(SERVED, "http.client.send")
    for step in ("http.client.send", seen_by_others.get(place, "os.rename")):
        assert any(f"before {step}" in point for point in points), step
    count_interrupted(f"{place}, {shape}, {watch} inside", len(points))


@pytest.mark.parametrize("shape", ["ensured", "forced"])
def test_killed_twice_in_a_row(environment: Any, shape: str) -> None:
    chance = random.Random(7)
    pairs = sorted(chance.sample(list(itertools.product(range(1, 27), range(1, 27))), 30))
    interrupted = 0
    for first, second in pairs:
        scenario = Scenario.new(environment, "json-connection", shape)
        points = [scenario.interrupt(first).point, scenario.interrupt(second, whole=False).point]
        interrupted += len([point for point in points if point])
        scenario.check_that_the_next_try_completes(f"killed {points[0]}, then {points[1]}")
    assert interrupted > len(pairs), "some must have died twice"
    count_interrupted(f"json-connection, {shape}, twice in a row", interrupted)
