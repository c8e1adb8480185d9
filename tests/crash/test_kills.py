"""Does kill -9 ever cost a key, or make a second one? Struck at every point of an issuance, in every store."""

from __future__ import annotations

import itertools
import random
import signal
from typing import TYPE_CHECKING, Any

import pytest

from .scenario import LOCAL, Scenario, World, count_struck
from .servers import SERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .job import Watch

pytestmark = pytest.mark.crash

CALLS = ["read", "read_record", "check_write", "write_record", "create_api_key", "get_identity", "write", "read_back"]

BOTH = [(place, forced) for place in LOCAL for forced in (False, True)]
# Opened in two ways, a server's store is the same: the modes are shared out among them.
AROUND_CALLS = [
    *BOTH,
    *((place, "outside" in place) for place in SERVED),
    ("vault-kv2-connection", True),
    ("vault-kv1-connection", True),
]
# Where one operation takes several requests.
INSIDE = [
    *BOTH,
    ("vault-kv1-connection", True),
    ("aws-secretsmanager-connection", False),
    ("aws-secretsmanager-connection", True),
    ("aws-ssm-connection", True),
]


def cases(chosen: list[tuple[str, bool]]) -> Any:
    ids = [f"{place}-{'forced' if forced else 'ensured'}" for place, forced in chosen]
    return pytest.mark.parametrize(("place", "forced"), chosen, ids=ids)


@pytest.fixture
def new_scenario(request, place) -> Callable[[bool], Scenario]:
    world: World = request.getfixturevalue("world_of_tasks" if place == "metastore-variable" else "world")
    return lambda forced: world.scenario(place, forced=forced)


def each_point(new_scenario: Callable[[bool], Scenario], forced: bool, watch: Watch) -> Iterator[tuple[Scenario, str]]:
    """Kill a new issuer at the next point, until one lives to its end: so none is forgotten."""
    for at in itertools.count(1):
        scenario = new_scenario(forced)
        outcome = scenario.strike(at, watch=watch)
        if outcome.point is None:
            assert (outcome.state, outcome.code) == ("exited", 0), scenario.zygote.said()
            return
        assert (outcome.state, outcome.code) == ("killed", signal.SIGKILL)
        yield scenario, f"killed {outcome.point}, which is point {at}"


@cases(AROUND_CALLS)
def test_killed_before_or_after_any_call_to_vendor_or_store(new_scenario, place, forced):
    points = []
    for scenario, point in each_point(new_scenario, forced, "calls"):
        scenario.check_that_the_next_run_completes(point)
        points.append(point)
    for call in CALLS:
        assert any(f"killed before {call}," in point for point in points), call
        assert any(f"killed after {call}," in point for point in points), call
    count_struck(f"{place}, {'forced' if forced else 'ensured'}, around calls", len(points))


@cases(INSIDE)
def test_killed_at_any_step_inside_the_calls(new_scenario, place, forced):
    # Every store on files writes by the same lines, whatever the mode.
    watch: Watch = "lines" if (place, forced) == ("json-connection", True) else "steps"
    points = []
    for scenario, point in each_point(new_scenario, forced, watch):
        scenario.check_that_the_next_run_completes(point)
        assert scenario.aside() == [], "the run that completes tidies up"
        points.append(point)
    seen_by_others = {"metastore-variable": "commit"} | dict.fromkeys(SERVED, "http.client.send")
    for step in ("http.client.send", seen_by_others.get(place, "os.rename")):
        assert any(f"before {step}" in point for point in points), step
    count_struck(f"{place}, {'forced' if forced else 'ensured'}, {watch} inside", len(points))


@pytest.mark.parametrize("forced", [False, True], ids=["ensured", "forced"])
def test_killed_twice_in_a_row(world, forced):
    chance = random.Random(7)
    pairs = sorted(chance.sample(list(itertools.product(range(1, 27), range(1, 27))), 30))
    struck = 0
    for first, second in pairs:
        scenario = world.scenario("json-connection", forced=forced)
        points = [scenario.strike(first).point, scenario.strike(second, whole=False).point]
        struck += len([point for point in points if point])
        scenario.check_that_the_next_run_completes(f"killed {points[0]}, then {points[1]}")
    assert struck > len(pairs), "some must have died twice"
    count_struck(f"json-connection, {'forced' if forced else 'ensured'}, twice in a row", struck)
