"""Two tries, or a try and a late request of an earlier one, create an object once, with one invitation."""

from __future__ import annotations

import itertools
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .customers import CASES, CREATING, Customers
from .job import Interruption
from .scenario import count_interrupted

if TYPE_CHECKING:
    from tests.crash.environment import Environment

    from .job import Outcome

pytestmark = pytest.mark.crash

ENDPOINTS = {"organization created": "create_organization", "user created": "create_user"}
creating = pytest.mark.parametrize("name", CREATING)


def check_both(customers: Customers, name: str, ends: list[Outcome]) -> None:
    """Check that both succeed with the same object, which one of them created."""
    assert [(end.state, end.code) for end in ends] == [("exited", 0)] * 2, f"{ends}\n{customers.fork_server.said()}"
    first, second = (end.report["results"]["it"] for end in ends)
    assert first["id"] == second["id"]
    assert {first["created"], second["created"]} == {True, False}, ends
    customers.check(CASES[name], ends)


# Not documented: 409 for an existing name is inferred, 422 for an existing address.
@pytest.mark.parametrize("refusal", [409, 422])
@creating
def test_of_two_that_have_both_seen_nothing_one_creates(environment: Environment, name, refusal):
    case = CASES[name]
    for _ in range(5):
        with Customers.made(environment.fork_server, existing_user=refusal, existing_name=refusal) as customers:
            job = replace(
                customers.job(case), interruption=Interruption(f"before {case.effect}", signal.SIGSTOP, "requests")
            )
            both = [environment.fork_server.start(job) for _ in range(2)]
            assert [environment.fork_server.wait(each).state for each in both] == ["stopped"] * 2
            for each in both:
                environment.fork_server.resume(each)
            check_both(customers, name, [environment.fork_server.wait(each) for each in both])
            assert sorted(customers.answers(ENDPOINTS[name])) == [200, refusal]


@creating
def test_one_stands_still_at_any_point_while_another_creates_and_then_goes_on(environment: Environment, name):
    for at in itertools.count(1):
        with Customers.made(environment.fork_server) as customers:
            job = customers.job(CASES[name])
            slow = environment.fork_server.start(
                replace(job, interruption=Interruption(at, signal.SIGSTOP, "requests"))
            )
            stood = environment.fork_server.wait(slow)
            if stood.state != "stopped":
                break
            other = environment.fork_server.run(job)
            environment.fork_server.resume(slow)
            check_both(customers, name, [other, environment.fork_server.wait(slow)])
    assert at > 6


def kill_while_its_request_is_held_back(customers: Customers, name: str) -> None:
    """Let the gateway return 504, and kill the client; the request is applied later."""
    case = CASES[name]
    customers.emulator.inject(f"late endpoint={ENDPOINTS[name]}")
    outcome = customers.interrupt(customers.job(case), f"unread {case.effect}")
    assert (outcome.state, outcome.code) == ("killed", signal.SIGKILL)
    assert customers.answers(ENDPOINTS[name]) == [504]
    count_interrupted(f"{name}, its request held back")


@creating
def test_a_request_of_a_dead_try_that_is_applied_after_the_next_one_makes_no_second(environment: Environment, name):
    case = CASES[name]
    with Customers.made(environment.fork_server) as customers:
        kill_while_its_request_is_held_back(customers, name)
        first = customers.next_try(customers.job(case), "killed, its request held back")["it"]
        assert first["created"] is True
        customers.emulator.release()
        customers.check(case, "released after the next try")
        again = customers.next_try(customers.job(case), "released")["it"]
        assert again == first | {"created": False}


@pytest.mark.parametrize("refusal", [409, 422])
@creating
def test_a_request_of_a_dead_try_that_is_applied_between_look_up_and_post_is_found(
    environment: Environment, name, refusal
):
    case = CASES[name]
    with Customers.made(environment.fork_server, existing_user=refusal, existing_name=refusal) as customers:
        kill_while_its_request_is_held_back(customers, name)
        interruption = Interruption(f"before {case.effect}", signal.SIGSTOP, "requests")
        second = environment.fork_server.start(replace(customers.job(case), try_number=2, interruption=interruption))
        assert environment.fork_server.wait(second).state == "stopped"
        customers.emulator.release()
        environment.fork_server.resume(second)
        end = environment.fork_server.wait(second)
        assert (end.state, end.code) == ("exited", 0), environment.fork_server.said()
        assert end.report["results"]["it"]["created"] is False
        assert customers.answers(ENDPOINTS[name]) == [504, refusal]
        customers.check(case, "released while the next try stood still")
