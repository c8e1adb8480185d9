"""After a kill -9 in any kind of store, the next try removes the stored key, and nothing else."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.credentials import ApiKey

from .executor import Task, Tasks
from .job import Interruption
from .scenario import count_interrupted, run_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.environment import Customer, Environment

    from .job import Outcome, Watch

pytestmark = pytest.mark.crash

CALLS = ["read", "read_record", "get_organization", "get_identity", "remove", "read_back", "remove_record"]
# The last number: the step between the points, more than 1 if a point takes a second.
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
def new_customer(environment_of: Callable[[str], Environment], place: str) -> Callable[[], Customer]:
    def new() -> Customer:
        customer = environment_of(place).customer(place)
        if customer.served and customer.served.kept_when_removed:
            customer.served.keep_something(customer.environment.emulator.base_url)
        return customer

    return new


def run(customer: Customer, *task_ids: str, **given: Any) -> Outcome:
    ids = {"org_id": customer.org_id, "user_id": customer.user_ids[0]}
    destination = {"destination": customer.destination}
    known = {
        ISSUE: Task(ISSUE, "PolytomicCreateApiKeyOperator", {**ids, **destination}),
        OFFBOARD: Task(OFFBOARD, "PolytomicDeleteUserOperator", ids),
        REMOVE: Task(REMOVE, "PolytomicDeleteStoredApiKeyOperator", destination),
        AGAIN: Task(AGAIN, "PolytomicDeleteStoredApiKeyOperator", destination),
    }
    job = customer.job(runs=(), renew=False)
    tasks = tuple(known[each] for each in task_ids)
    return customer.environment.fork_server.run(
        Tasks(tasks=tasks, environ=job.environ, in_a_task=job.in_a_task, **given)
    )


def remove_and_interrupt(customer: Customer, at: int, watch: Watch) -> Outcome:
    """Issue, delete the user, and interrupt the removal of the key."""
    interruption = Interruption(at, signal.SIGKILL, watch)
    if watch == "calls":
        return customer.environment.fork_server.run(
            customer.job(runs=(run_time(0),), renew=False, remove=True, interruption=interruption)
        )
    return run(customer, ISSUE, OFFBOARD, REMOVE, interrupted=REMOVE, interruption=interruption)


def check_that_nothing_else_is_gone(customer: Customer) -> None:
    if customer.served:
        customer.served.check_removed()
    if customer.file:
        content, records = customer.file.read_text(), f"{customer.file.name}.polytomic-issuance"
        assert "other" in content
        assert customer.destination.rpartition("/")[2] not in content
        assert not [*(customer.file.parent / records).glob("*.json")]
        assert customer.aside() == []


@pytest.mark.parametrize(("place", "watch", "every"), STRUCK)
def test_killed_while_it_removes_and_completed_by_the_next_try(new_customer, place, watch, every):
    points: list[str] = []
    found_nothing = 0
    for at in itertools.count(1, every):
        customer = new_customer()
        emulator, fork_server = customer.environment.emulator, customer.environment.fork_server
        known = emulator.all_keys()
        outcome = remove_and_interrupt(customer, at, watch)
        story = f"killed {outcome.point}, which is point {at}: {outcome}"
        (key,) = emulator.all_keys() - known
        if outcome.point is None:
            assert (outcome.state, outcome.code) == ("exited", 0), fork_server.said()
            check_that_nothing_else_is_gone(customer)
            break
        assert (outcome.state, outcome.code) == ("killed", signal.SIGKILL)
        after = run(customer, REMOVE, AGAIN, try_number=2)
        assert (after.state, after.code) == ("exited", 0), f"{story}\nthen {after}\n{fork_server.said()}"
        removed, again = after.report["results"][REMOVE], after.report["results"][AGAIN]
        assert removed.get("fingerprint") == (ApiKey(key).fingerprint if removed["deleted"] else None), story
        assert again["deleted"] is False, story
        check_that_nothing_else_is_gone(customer)
        found_nothing += not removed["deleted"]
        points.append(outcome.point)
    if watch == "calls":
        assert {f"{when} {call}" for when in ("before", "after") for call in CALLS} <= set(points)
        assert found_nothing == 1, "only after the last call there is nothing left to do"
    count_interrupted(f"{place}, removed, {'around calls' if watch == 'calls' else 'steps inside'}", len(points))
