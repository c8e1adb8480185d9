"""What is said, and what is sent, where a right is missing? One after the other, with the real operator.

As a user whom file modes bind: the tests may run as root.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from .scenario import unprivileged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .job import Outcome
    from .scenario import Scenario, World

pytestmark = pytest.mark.crash

NOBODY = "00000000-0000-4000-8000-000000000000"


def records(scenario: Scenario) -> Path:
    return scenario.secrets.with_name(f"{scenario.secrets.name}.polytomic-issuance")


def set_up(world: World, place: str, *, forced: bool) -> Scenario:
    """The first run is done, where there is one, and all files belong to the user who runs the next."""
    scenario = world.scenario(place, forced=forced)
    if forced:
        assert world.zygote.run(replace(scenario.job, runs=scenario.job.runs[:1])).code == 0
    records(scenario).mkdir(exist_ok=True)
    if (uid := unprivileged()) is not None:
        folder = scenario.secrets.parent
        for each in (folder, *folder.rglob("*")):
            os.chown(each, uid, uid)
    return scenario


def posts(scenario: Scenario) -> list[str]:
    return [each.path for each in scenario.emulator.received("create_api_key") if scenario.user.id in each.path]


def run_operator(scenario: Scenario, **changed: Any) -> Outcome:
    job = replace(scenario.last_run, operator=True, uid=unprivileged())
    return scenario.zygote.run(replace(job, **changed))


def check_what_is_said(scenario: Scenario, outcome: Outcome, *told: str) -> None:
    assert (outcome.state, outcome.code) == ("exited", 1), scenario.zygote.said()
    for each in (scenario.job.destination, *told):
        assert each in outcome.told["error"]["text"]
    assert outcome.told["error"]["retryable"] is False, "trying again cannot help"


OURS: dict[str, tuple[Callable[[Scenario], Path], int, str]] = {
    "reading the store": (lambda scenario: scenario.secrets, 0o000, "Let this user"),
    "writing the store's file": (lambda scenario: scenario.secrets, 0o444, "Let this user"),
    "writing the store's folder": (lambda scenario: scenario.secrets.parent, 0o555, "Let this user"),
    "reading the record": (records, 0o000, "Let this user"),
    "writing the record": (records, 0o555, "Let this user"),
}


@pytest.mark.parametrize("place", ["json-connection", "json-variable"])
@pytest.mark.parametrize("forced", [False, True], ids=["ensured", "forced"])
@pytest.mark.parametrize("right", OURS)
def test_a_right_that_the_task_lacks_is_found_before_anything_is_asked_of_polytomic(world, place, forced, right):
    scenario = set_up(world, place, forced=forced)
    keys, sent, content = scenario.emulator.keys_of(scenario.user.id), posts(scenario), scenario.secrets.read_bytes()
    denied, mode, advice = OURS[right]
    path, before = denied(scenario), denied(scenario).stat().st_mode
    path.chmod(mode)
    outcome = run_operator(scenario)
    path.chmod(before)
    check_what_is_said(scenario, outcome, scenario.user.id, scenario.user.organization_id, advice, str(path))
    assert posts(scenario) == sent
    assert scenario.emulator.keys_of(scenario.user.id) == keys
    assert scenario.secrets.read_bytes() == content
    scenario.check_that_the_next_run_completes(f"{right} was denied")


def caller(scenario: Scenario, key: str) -> dict[str, str | None]:
    connection = {"conn_type": "polytomic", "host": scenario.emulator.base_url, "password": key}
    return {**scenario.job.environ, "AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(connection)}


def of_another_user(scenario: Scenario) -> str:
    colleague = scenario.emulator.add_user(scenario.user.organization_id, "bob@acme.example")
    return scenario.emulator.give_key(colleague.id)


def revoked(scenario: Scenario) -> str:
    key = of_another_user(scenario)
    scenario.emulator.revoke(key)
    return key


@pytest.mark.parametrize("forced", [False, True], ids=["ensured", "forced"])
@pytest.mark.parametrize(
    ("key", "told"),
    [
        (lambda _: "this-key-never-was", ("401", "Put a key that works into the connection 'polytomic_default'")),
        (revoked, ("401", "Put a key that works into the connection 'polytomic_default'")),
        (of_another_user, ("403", "need a partner key")),
    ],
    ids=["unknown", "revoked", "of a user"],
)
def test_a_caller_who_may_not_issue_mints_nothing_and_once_put_right_it_goes_on(world, forced, key, told):
    scenario = set_up(world, "json-connection", forced=forced)
    keys, content = scenario.emulator.keys_of(scenario.user.id), scenario.secrets.read_bytes()
    outcome = run_operator(scenario, environ=caller(scenario, key(scenario)))
    check_what_is_said(scenario, outcome, scenario.user.id, scenario.user.organization_id, *told)
    assert scenario.emulator.keys_of(scenario.user.id) == keys
    assert scenario.secrets.read_bytes() == content
    scenario.check_that_the_next_run_completes("the caller might not issue")


@pytest.mark.parametrize("unknown", ["user_id", "org_id"])
def test_an_unknown_user_or_organization_is_named(world, unknown):
    scenario = set_up(world, "json-connection", forced=False)
    content = scenario.secrets.read_bytes()
    outcome = run_operator(scenario, **{unknown: NOBODY})
    ids = {"user_id": scenario.user.id, "org_id": scenario.user.organization_id} | {unknown: NOBODY}
    check_what_is_said(scenario, outcome, *ids.values(), "404", "Check the ids")
    assert scenario.emulator.minted(scenario.user.id) == 0
    assert scenario.secrets.read_bytes() == content
