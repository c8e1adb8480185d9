"""kill -9 at any point of an onboarding creates nothing twice, when all of its tasks run again."""

from __future__ import annotations

import itertools
import json
import signal
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tests.crash.environment import local_backend
from tests.crash.job_runner import TERMINATED
from tests.onboarding_state import onboarded

from .customers import Customers, state
from .executor import Task, Tasks
from .scenario import count_interrupted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.environment import Environment

pytestmark = pytest.mark.crash

_USER = {"org_id": "{organization[id]}", "user_id": "{user[id]}"}
ONBOARDING = (
    Task("organization", "PolytomicCreateOrganizationOperator", {"name": "New Ltd"}),
    Task("user", "PolytomicCreateUserOperator",
         {"org_id": _USER["org_id"], "user_email": "Eve@new.example", "roles": ["sync editor"]}),
    Task("key", "PolytomicCreateApiKeyOperator", {**_USER, "destination": "airflow://connection/new_ltd"}),
    Task("call", "FirstCall", {"polytomic_conn_id": "new_ltd"}),
)  # fmt: skip
_MAKING = (
    "POST /api/organizations",
    "POST /api/organizations/{id}/users",
    "POST /api/organizations/{id}/users/{id}/keys",
)


def chain(customers: Customers, file: Path) -> Tasks:
    """All tasks, and a file of connections with a foreign one."""
    file.write_text(json.dumps({"other": "postgres://u:p@db/x"}))
    return Tasks(tasks=ONBOARDING, environ=customers.environ | local_backend("connection", file))


def check_that_all_is_there_once(customers: Customers, file: Path, what_happened: object) -> None:
    expected = {
        **customers.before,
        "New Ltd": onboarded("New Ltd", "eve@new.example", ["Sync Editor"])["organizations"],
    }
    assert state(customers.emulator) == expected, what_happened
    (eve,) = customers.emulator.users_of(customers.emulator.organizations()[-1].id)
    stored = json.loads(file.read_text())
    assert stored["new_ltd"]["password"] == customers.emulator.live_key(eve.id)
    assert stored.keys() == {"new_ltd", "other"}


def complete(customers: Customers, job: Tasks, file: Path, what_happened: object) -> None:
    results = customers.next_try(job, what_happened)
    check_that_all_is_there_once(customers, file, what_happened)
    assert results["call"]["caller"] == results["user"]["id"]


def test_killed_at_any_point_and_run_again_from_the_start(environment: Environment, tmp_path: Path):
    points = []
    for at in itertools.count(1):
        file = tmp_path / f"{at}.json"
        with Customers.made(environment.fork_server) as customers:
            job = chain(customers, file)
            outcome = customers.interrupt(job, at)
            if outcome.point is None:
                assert (outcome.state, outcome.code) == ("exited", 0), environment.fork_server.said()
                check_that_all_is_there_once(customers, file, "nothing happened")
                break
            assert (outcome.state, outcome.code) == ("killed", signal.SIGKILL)
            complete(customers, job, file, f"killed {outcome.point}, which is point {at}")
            points.append(outcome.point)
    assert {f"{when} {each}" for when in ("before", "unread", "after") for each in _MAKING} <= set(points)
    assert points.count("before os.rename") >= 3, "the record, the key, the record"
    count_interrupted("onboarding, around requests and stored files", len(points))


def test_asked_to_end_at_any_point_it_makes_nothing_more_and_the_next_try_completes(
    environment: Environment, tmp_path: Path
):
    """Airflow 3 calls ``on_kill`` and gives the task five seconds; 2.11 raises an error in it."""
    points = []
    for at in itertools.count(1):
        file = tmp_path / f"{at}.json"
        with Customers.made(environment.fork_server) as customers:
            job = chain(customers, file)
            outcome = customers.interrupt(job, at, signal.SIGTERM)
            if outcome.point is None:
                break
            point = f"asked to end {outcome.point}, which is point {at}"
            assert outcome.state == "exited", point
            if AIRFLOW_V_3_0_PLUS:
                assert outcome.code == 0 or outcome.report["error"]["retryable"], f"{point}\n{outcome}"
                assert not any(each.startswith("before POST") for each in outcome.report["since"]), (
                    f"{point}\n{outcome}"
                )
            else:
                assert outcome.code == TERMINATED, environment.fork_server.said()
            complete(customers, job, file, point)
            points.append(point)
    count_interrupted("onboarding, asked to end around requests", len(points))
