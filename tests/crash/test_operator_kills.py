"""`kill -9` around every request of every operator: nothing is created twice or left half done."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING, Any

import pytest

from .customers import CASES, Customers, state
from .scenario import count_interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.environment import Environment

    from .customers import Case

pytestmark = pytest.mark.crash


def each_point(environment: Environment, case: Case) -> Iterator[tuple[Customers, str]]:
    """Kill the operator's first try at each next point, with new customers, until one reaches its end."""
    for at in itertools.count(1):
        with Customers.made(environment.fork_server) as customers:
            outcome = customers.interrupt(customers.job(case), at)
            if outcome.point is None:
                assert (outcome.state, outcome.code) == ("exited", 0), environment.fork_server.said()
                customers.check(case, "nothing happened")
                assert at - 1 == 3 * len(customers.asked), "three points of each request"
                return
            assert (outcome.state, outcome.code) == ("killed", signal.SIGKILL)
            yield customers, outcome.point


@pytest.mark.parametrize("name", CASES)
def test_killed_around_any_request_and_completed_by_the_next_try(environment, name):
    case, points = CASES[name], []
    for customers, point in each_point(environment, case):
        points.append(point)
        answered = f"unread {case.effect}" in points
        left = state(customers.emulator)
        assert left == (customers.after(case) if answered else customers.before), point
        returned = customers.next_try(customers.job(case), f"killed {point}")["it"]
        customers.check(case, f"killed {point}")
        check_what_is_returned(customers, case, returned)
        if case.flag:
            assert returned[case.flag] is not answered, f"killed {point}"
    assert {f"{when} {case.effect}" for when in ("before", "unread", "after")} <= set(points)
    count_interrupted(f"{name}, around requests", len(points))


def check_what_is_returned(customers: Customers, case: Case, returned: dict[str, Any]) -> None:
    """Check that the returned ids exist, and that existing objects have kept theirs."""
    emulator = customers.emulator
    organizations = {each.id: each.name for each in emulator.organizations()}
    users = {each.id: each.email for org_id in organizations for each in emulator.users_of(org_id)}
    if case.operator.endswith("UserOperator") and case.flag != "deleted":
        assert users[returned["id"]] == returned["email"]
        assert returned["org_id"] == customers.org_id
    elif case.flag != "deleted":
        assert organizations[returned["id"]] == returned["name"]
    if case.flag != "created":
        assert returned["id"] in {customers.org_id, customers.user_id}
