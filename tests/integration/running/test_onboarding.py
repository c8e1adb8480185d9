"""Do the DAGs that take customers on, take them away and check themselves do in a real Airflow what they say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.api_key import ApiKey
from tests.integration.running.customers import GLOBEX, HOPELESS, destination_of
from tests.integration.running.flight import RUN
from tests.integration.running.stage import FOREIGN, OFFBOARDING, ONBOARDING, ONBOARDING_MANY, SELF_CHECK
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.running.flight import Flight

# The first test of the run waits for all that is started.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(900)]

NOTHING: dict[str, Any] = {"organizations": []}
STEPS = ("create_organization", "create_user", "issue_api_key", "first_call")


def test_a_customer_is_onboarded_and_called_as(running_airflow: Flight) -> None:
    airflow, was = running_airflow.stage.airflow, running_airflow.onboarded
    assert running_airflow.tasks_of(ONBOARDING) == dict.fromkeys(STEPS, "success")
    assert was is not None
    assert was.state == onboarded(GLOBEX["organization"], GLOBEX["email"], [GLOBEX["role"]])
    assert was.live == [was.stored]
    organization, user, reference, me = (airflow.xcom(ONBOARDING, RUN, task) for task in STEPS)
    assert (organization["created"], user["created"], reference["issued"]) == (True, True, True)
    assert reference["fingerprint"] == ApiKey(was.live[0]).fingerprint
    assert me == {"id": user["id"], "email": user["email"], "organization_name": GLOBEX["organization"]}


def test_of_a_customer_who_is_taken_away_nothing_is_left(running_airflow: Flight) -> None:
    stage, destination = running_airflow.stage, GLOBEX["destination"]
    steps = ("delete_user", "delete_stored_api_key", "is_organization_to_go", "delete_organization")
    assert running_airflow.tasks_of(OFFBOARDING) == dict.fromkeys(steps, "success")
    assert state_of(stage.emulator, GLOBEX["organization"]) == NOTHING
    assert stage.stored(destination) is None
    assert not stage.record(destination).exists()


def test_each_of_many_customers_is_onboarded_once_over_a_bad_line(running_airflow: Flight) -> None:
    stage = running_airflow.stage
    well = [customer for customer in stage.customers if customer["name"] != HOPELESS]
    assert well
    for index, customer in enumerate(well):
        assert _states(running_airflow, index) == dict.fromkeys(STEPS, "success")
        there = state_of(stage.unsteady, customer["organization"])
        assert there == onboarded(customer["organization"], customer["email"], ["Editor"])
        (user,) = stage.unsteady.users_of(_id_of(running_airflow, customer))
        assert stage.stored(destination_of(customer)) == stage.unsteady.live_key(user.id)
    statuses = [request.status for request in stage.unsteady.requests]
    assert {None, 503} <= set(statuses), "nothing went wrong on the line"


def test_a_customer_in_whose_place_something_else_is_fails_alone_and_without_a_key(running_airflow: Flight) -> None:
    stage = running_airflow.stage
    index, customer = len(stage.customers) - 1, stage.customers[-1]
    assert customer["name"] == HOPELESS
    assert _states(running_airflow, index) == {
        "create_organization": "success",
        "create_user": "success",
        "issue_api_key": "failed",
        "first_call": "upstream_failed",
    }
    there = onboarded(customer["organization"], customer["email"], ["Editor"])
    there["organizations"][0]["users"][0] |= {"minted": 0, "live_keys": 0}
    assert state_of(stage.unsteady, customer["organization"]) == there
    assert stage.stored(destination_of(customer)) == FOREIGN["password"]


def test_nobody_but_the_customers_is_there_and_nobody_is_invited_twice(running_airflow: Flight) -> None:
    stage = running_airflow.stage
    names = {organization.name for organization in stage.unsteady.organizations()}
    assert names == {stage.unsteady.owner.name, *(customer["organization"] for customer in stage.customers)}
    invited = sorted(invitation.email for invitation in stage.unsteady.invitations)
    assert invited == sorted(customer["email"] for customer in stage.customers)


def test_the_self_check_succeeds_and_leaves_nothing(running_airflow: Flight) -> None:
    stage, states = running_airflow.stage, running_airflow.states[SELF_CHECK, RUN]
    assert states.run == "success"
    assert set(states.tasks.values()) == {"success"}
    steps = ("create_organization", "issue_api_key", "call_polytomic")
    organization, reference, called = (stage.airflow.xcom(SELF_CHECK, RUN, step) for step in steps)
    assert (organization["created"], reference["issued"], called) == (True, True, organization["name"])
    assert state_of(stage.emulator, organization["name"]) == NOTHING
    assert stage.stored(reference["destination"]) is None
    assert not stage.record(reference["destination"]).exists()


def _states(flight: Flight, index: int) -> dict[str, str | None]:
    tasks = flight.tasks_of(ONBOARDING_MANY)
    return {step: tasks[f"onboard.{step}[{index}]"] for step in STEPS}


def _id_of(flight: Flight, customer: Mapping[str, str]) -> str:
    (org_id,) = (o.id for o in flight.stage.unsteady.organizations() if o.name == customer["organization"])
    return org_id
