"""Without one of the rights, the operator sends no request for a key, for each right in turn.

The process becomes a user to whom file modes apply, because the tests can run as root.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from .executor import Task, Tasks
from .scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.crash.environment import Environment

pytestmark = pytest.mark.crash

NOBODY = "00000000-0000-4000-8000-000000000000"
# A user to whom file modes apply; None if they already apply.
UID = 65534 if os.geteuid() == 0 else None


def file_of(scenario: Scenario) -> Path:
    assert scenario.customer.file
    return scenario.customer.file


def records(scenario: Scenario) -> Path:
    return file_of(scenario).with_name(f"{file_of(scenario).name}.polytomic-issuance")


@pytest.fixture(params=["ensured", "forced"])
def new_scenario(request: pytest.FixtureRequest, environment: Environment) -> Callable[..., Scenario]:
    """Do the first run, if there is one, and give all files to the user of the next run."""

    def new(place: str = "json-connection") -> Scenario:
        scenario = Scenario.new(environment, place, request.param)
        scenario.do_history()
        records(scenario).mkdir(exist_ok=True)
        if UID is not None:
            folder = file_of(scenario).parent
            for each in (folder, *folder.rglob("*")):
                os.chown(each, UID, UID)
        return scenario

    return new


class Before:
    """State before a task that must not change it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.user_id = scenario.customer.user_ids[0]
        self.state = self._state()

    def _state(self) -> object:
        emulator = self.scenario.environment.emulator
        return emulator.keys_of(self.user_id), emulator.minted(self.user_id), file_of(self.scenario).read_bytes()

    def run_and_check(self, *report: str, environ: Any = None, **changed: str) -> None:
        """Run the operator's task, and check that it fails for good, names the cause, and has changed nothing."""
        customer, fork_server = self.scenario.customer, self.scenario.environment.fork_server
        given = {**customer.target, "force": self.scenario.shape.renew, **changed}
        tasks = (Task("issue", "PolytomicCreateApiKeyOperator", given),)
        outcome = fork_server.run(Tasks(tasks=tasks, environ={**customer.environ, **(environ or {})}, uid=UID))
        assert (outcome.state, outcome.code) == ("exited", 1), fork_server.said()
        for each in (given["org_id"], given["user_id"], customer.destination, *report):
            assert each in outcome.report["error"]["text"]
        assert outcome.report["error"]["retryable"] is False, "trying again cannot help"
        assert self._state() == self.state


OURS: dict[str, tuple[Callable[[Scenario], Path], int]] = {
    "reading the store": (file_of, 0o000),
    "writing the store's file": (file_of, 0o444),
    "writing the store's folder": (lambda scenario: file_of(scenario).parent, 0o555),
    "reading the record": (records, 0o000),
    "writing the record": (records, 0o555),
}


@pytest.mark.parametrize("place", ["json-connection", "json-variable"])
@pytest.mark.parametrize("right", OURS)
def test_a_right_that_the_task_lacks_is_found_before_a_key_is_asked_for(new_scenario, place, right):
    scenario = new_scenario(place)
    posts = len(scenario.environment.emulator.received("create_api_key"))
    before = Before(scenario)
    denied, mode = OURS[right]
    path, mode_before = denied(scenario), denied(scenario).stat().st_mode
    path.chmod(mode)
    try:
        before.run_and_check(str(path))
    finally:
        path.chmod(mode_before)
    assert len(scenario.environment.emulator.received("create_api_key")) == posts
    scenario.check_that_the_next_try_completes(f"{right} was denied")


def of_another_user(scenario: Scenario) -> str:
    emulator = scenario.environment.emulator
    return emulator.give_key(emulator.add_user(scenario.customer.org_id, "bob@acme.example").id)


def revoked(scenario: Scenario) -> str:
    key = of_another_user(scenario)
    scenario.environment.emulator.revoke(key)
    return key


@pytest.mark.parametrize(
    ("key", "status"),
    [(lambda _: "this-key-never-was", "401"), (revoked, "401"), (of_another_user, "403")],
    ids=["unknown", "revoked", "of a user"],
)
def test_a_caller_who_may_not_issue_mints_nothing_and_once_put_right_it_goes_on(new_scenario, key, status):
    scenario = new_scenario()
    connection = {"conn_type": "polytomic", "host": scenario.environment.emulator.base_url, "password": key(scenario)}
    Before(scenario).run_and_check(status, environ={"AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(connection)})
    scenario.check_that_the_next_try_completes("the caller might not issue")


@pytest.mark.parametrize("new_scenario", ["ensured"], indirect=True)
@pytest.mark.parametrize("unknown", ["user_id", "org_id"])
def test_an_unknown_user_or_organization_is_named(new_scenario, unknown):
    Before(new_scenario()).run_and_check("404", **{unknown: NOBODY})
