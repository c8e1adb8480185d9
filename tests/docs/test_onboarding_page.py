"""The pages on onboarding and offboarding state the form of the examples, and what their tasks return and cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.dag_runs.examples import example
from tests.dag_runs.in_process import run_dag, xcom_of
from tests.docs.pages import blocks, codes, facts, rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import Scene

PAGE, DAG_ID = "docs/onboard-a-customer.md", "polytomic_onboarding"
NAME, EMAIL, DESTINATION = "Globex", "hank@globex.example", "airflow://connection/globex_polytomic"
CUSTOMER = {"organization": NAME, "email": EMAIL, "destination": DESTINATION}


def test_the_form_has_the_fields_that_the_page_says():
    params = example(DAG_ID).params
    documented = [
        (title, codes(name)[0], codes(default), description.replace("`", ""))
        for title, name, default, description in rows(PAGE, "The DAG")
    ]
    fields = {name: params.get_param(name) for name in params}
    assert documented == [
        (field.schema["title"], name, [field.value] if field.has_value else [], field.description)
        for name, field in fields.items()
    ]


@pytest.mark.usefixtures("airflow_db")
def test_the_tasks_return_and_cost_what_the_page_says(scene: Scene):
    documented = {codes(row[0])[0]: codes(row[1]) for row in rows(PAGE, "The DAG", 1)}
    costs = {codes(row[0])[0]: [int(cell) for cell in row[1:]] for row in rows(PAGE, "What it costs")}
    for run_number, created in enumerate((True, False)):
        before = Counter(scene.emulator.counts())
        run = run_dag(example(DAG_ID), conf=CUSTOMER)
        assert set(run.states) == set(documented) == set(costs)
        for task, names in documented.items():
            returned = xcom_of(run, task)
            if task == "issue_api_key":
                assert (names, returned["issued"]) == ([], created)
            else:
                assert list(returned) == names
                assert returned.get("created", created) is created
        asked = Counter(scene.emulator.counts()) - before
        told_of_run = {task: each[run_number] for task, each in costs.items()}
        assert _by_task(asked) == told_of_run


@pytest.mark.usefixtures("airflow_db")
def test_the_tasks_that_delete_return_what_their_page_says(scene: Scene):
    onboarding = run_dag(example(DAG_ID), conf=CUSTOMER)
    user = xcom_of(onboarding, "create_user")
    ids = {"org_id": user["org_id"], "user_id": user["id"]}
    dag = example("polytomic_offboarding")
    run = run_dag(dag, conf={**CUSTOMER, **ids, "delete_organization": True})
    documented = {name: codes(fields) for name, fields in facts("docs/offboard-a-customer.md", "Return values").items()}
    deletions = [task for task in dag.tasks if f"`{task.task_type}`" in documented]
    assert {f"`{task.task_type}`": list(xcom_of(run, task.task_id)) for task in deletions} == documented


@pytest.mark.usefixtures("airflow_db")
def test_the_csv_file_of_the_page_is_one_that_the_example_onboards(scene: Scene, tmp_path: Path):
    (block,) = blocks("csv", "customers")
    file = tmp_path / "customers.csv"
    file.write_text(block.content)
    run = run_dag(example("polytomic_onboarding_from_csv", any_file=True), conf={"file": file.as_uri()})
    assert set(run.states.values()) == {"success"}
    assert [scene.stored(f"{name}_polytomic") is not None for name in ("acme", "globex")] == [True, True]


def _by_task(asked: Counter[str]) -> dict[str, int]:
    """Return the requests of each task; both of the last two send ``GET /api/me``."""
    organization = asked["list_organizations"] + asked["create_organization"]
    user = asked["list_roles"] + asked["list_users"] + asked["create_user"]
    return {
        "create_organization": organization,
        "create_user": user,
        "issue_api_key": asked.total() - organization - user - 1,
        "first_call": 1,
    }
