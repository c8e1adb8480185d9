"""Do the DAGs that a user would copy to issue keys do in a real Airflow what they say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.api_key import ApiKey
from tests.integration.running.flight import RUN
from tests.integration.running.stage import EXAMPLES, ISSUE, ISSUE_MANY
from tests.integration.test_rotate_fleet_example import NAME as FLEET
from tests.integration.test_rotation import WEEKLY, WITHOUT_OUTAGE
from tests.unit.fake_distribution import ROOT

if TYPE_CHECKING:
    from tests.integration.running.flight import Flight
    from tests.integration.running.stage import Stage

# The first test of the run waits for all that is started.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(900)]


def _is_reference_to(stage: Stage, reference: Any, conn_id: str, user: str) -> None:
    key = stage.emulator.live_key(stage.users[user].id)
    assert stage.stored(f"airflow://connection/{conn_id}") == key
    assert reference["fingerprint"] == ApiKey(key).fingerprint
    assert reference["destination"] == f"airflow://connection/{conn_id}"
    assert (reference["org_id"], reference["user_id"]) == tuple(stage.ids(user).values())
    assert reference["issued"] is True


def test_every_example_is_run() -> None:
    # A rotation needs time to pass, so these are run in a process in which it does.
    elsewhere = {WEEKLY, WITHOUT_OUTAGE, FLEET}
    assert {path.stem for path in (ROOT / "dags_examples").glob("*.py")} == {*EXAMPLES, *elsewhere}


def test_the_example_issues_a_key_which_its_next_task_uses(running_airflow: Flight) -> None:
    stage = running_airflow.stage
    assert running_airflow.tasks_of(ISSUE) == {"issue_api_key": "success", "who_am_i": "success"}
    _is_reference_to(stage, stage.airflow.xcom(ISSUE, RUN, "issue_api_key"), "acme_polytomic", "example")
    user = stage.users["example"]
    who = {"id": user.id, "email": user.email, "organization_name": stage.organization.name}
    assert stage.airflow.xcom(ISSUE, RUN, "who_am_i") == who


def test_the_mapped_example_issues_for_every_customer_but_the_one_that_is_wrong(running_airflow: Flight) -> None:
    stage = running_airflow.stage
    states = {"targets": "success", "issue_api_key[0]": "success", "issue_api_key[1]": "failed"}
    assert running_airflow.tasks_of(ISSUE_MANY) == states
    _is_reference_to(stage, stage.airflow.xcom(ISSUE_MANY, RUN, "issue_api_key", 0), "mapped_polytomic", "mapped")
    assert stage.airflow.xcom(ISSUE_MANY, RUN, "issue_api_key", 1) is None
    labels = stage.airflow.query(
        "select rendered_map_index from task_instance where dag_id = ? and map_index >= 0 order by map_index",
        ISSUE_MANY,
    )
    assert [label for (label,) in labels] == [
        "airflow://connection/mapped_polytomic",
        "airflow://connection/nobody_polytomic",
    ]
