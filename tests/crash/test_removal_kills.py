"""Does kill -9 ever leave a stored key that the next try does not remove, or take more away? In every kind of store."""

from __future__ import annotations

import itertools
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.api_key import ApiKey

from .job import Strike, Task, Tasks
from .scenario import LOCAL, count_struck

if TYPE_CHECKING:
    from collections.abc import Callable

    from .job import Outcome, Watch
    from .scenario import Scenario, World

pytestmark = pytest.mark.crash

CALLS = ["read", "read_record", "get_organization", "get_identity", "remove", "read_back", "remove_record"]
# The last number: every point, or every n-th where a point takes a second.
STRUCK: list[tuple[str, Watch, int]] = [
    ("json-connection", "calls", 1),
    ("vault-kv2-outside", "calls", 1),
    ("json-connection", "steps", 1),
    ("metastore-variable", "steps", 3),
    ("vault-kv2-connection", "steps", 2),
    ("vault-kv1-connection", "steps", 2),
    ("aws-secretsmanager-connection", "steps", 5),
    ("aws-secretsmanager-outside", "steps", 5),
    ("aws-ssm-connection", "steps", 5),
]
ISSUE, OFFBOARD, REMOVE, AGAIN = "issue", "offboard", "remove", "again"


@pytest.fixture
def new_scenario(request: pytest.FixtureRequest, place: str) -> Callable[[], Scenario]:
    world: World = request.getfixturevalue("world_of_tasks" if place == "metastore-variable" else "world")

    def new() -> Scenario:
        scenario = world.scenario(place, forced=False)
        if scenario.served and scenario.served.kept_when_removed:
            scenario.served.keep_something(scenario.emulator.base_url)
        return scenario

    return new


def tasks(scenario: Scenario, *task_ids: str, **given: Any) -> Tasks:
    ids = {"org_id": scenario.user.organization_id, "user_id": scenario.user.id}
    destination = {"destination": scenario.job.destination}
    known = {
        ISSUE: Task(ISSUE, "PolytomicCreateApiKeyOperator", {**ids, **destination}),
        OFFBOARD: Task(OFFBOARD, "PolytomicDeleteUserOperator", ids),
        REMOVE: Task(REMOVE, "PolytomicDeleteStoredApiKeyOperator", destination),
        AGAIN: Task(AGAIN, "PolytomicDeleteStoredApiKeyOperator", destination),
    }
    job = scenario.job
    return Tasks(tuple(known[each] for each in task_ids), job.environ, in_a_task=job.in_a_task, **given)


def remove_and_strike(scenario: Scenario, at: int, watch: Watch) -> Outcome:
    """Issue, delete the user, and strike while the key is removed."""
    strike = Strike(at, signal.SIGKILL, watch)
    if watch == "calls":
        return scenario.zygote.run(replace(scenario.job, remove=True, strike=strike))
    return scenario.zygote.run(tasks(scenario, ISSUE, OFFBOARD, REMOVE, struck=REMOVE, strike=strike))


def check_that_nothing_else_is_gone(scenario: Scenario) -> None:
    if scenario.served:
        scenario.served.check_removed()
    if scenario.file:
        content, records = scenario.secrets.read_text(), f"{scenario.secrets.name}.polytomic-issuance"
        assert "other" in content
        assert scenario.job.destination.rpartition("/")[2] not in content
        assert not [*(scenario.secrets.parent / records).glob("*.json")]
        assert scenario.aside() == []


@pytest.mark.parametrize(("place", "watch", "every"), STRUCK)
def test_killed_while_it_removes_and_completed_by_the_next_try(new_scenario, place, watch, every):
    points: list[str] = []
    found_nothing = 0
    for at in itertools.count(1, every):
        scenario = new_scenario()
        known = scenario.emulator.all_keys()
        outcome = remove_and_strike(scenario, at, watch)
        story = f"killed {outcome.point}, which is point {at}: {outcome}"
        (key,) = scenario.emulator.all_keys() - known
        if outcome.point is None:
            assert (outcome.state, outcome.code) == ("exited", 0), scenario.zygote.said()
            check_that_nothing_else_is_gone(scenario)
            break
        assert (outcome.state, outcome.code) == ("killed", signal.SIGKILL)
        after = scenario.zygote.run(tasks(scenario, REMOVE, AGAIN, try_number=2))
        assert (after.state, after.code) == ("exited", 0), f"{story}\nthen {after}\n{scenario.zygote.said()}"
        removed, again = after.told["results"][REMOVE], after.told["results"][AGAIN]
        assert removed.get("fingerprint") == (ApiKey(key).fingerprint if removed["deleted"] else None), story
        assert again["deleted"] is False, story
        check_that_nothing_else_is_gone(scenario)
        found_nothing += not removed["deleted"]
        points.append(outcome.point)
    if watch == "calls":
        assert {f"{when} {call}" for when in ("before", "after") for call in CALLS} <= set(points)
        assert found_nothing == 1, "only after the last call there is nothing left to do"
    count_struck(f"{place}, removed, {'around calls' if watch == 'calls' else 'steps inside'}", len(points))


@pytest.mark.parametrize("place", LOCAL)
def test_while_the_user_is_there_nothing_is_removed(new_scenario, place):
    scenario = new_scenario()
    assert scenario.zygote.run(tasks(scenario, ISSUE)).code == 0
    refused = scenario.zygote.run(tasks(scenario, REMOVE))
    assert (refused.state, refused.code) == ("exited", 1), scenario.zygote.said()
    assert refused.told["error"]["retryable"] is False
    assert "still works" in refused.told["error"]["text"]
    scenario.check_that_the_next_run_completes("the removal was refused")
