"""Whoever may trigger an example DAG may write only to the destinations that its form fixes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import ParamValidationError

from tests.dag_files import ROOT
from tests.dag_runs.examples import example
from tests.dag_runs.in_process import run_dag

if TYPE_CHECKING:
    from tests.fixtures import Scene

EXAMPLES = sorted(path.stem for path in (ROOT / "dags_examples").glob("*.py"))
# Each field that names a destination, or a file that does or is written.
PLACES = ("destination", "file", "targets", "report")
ELSEWHERE = [
    "airflow://connection/warehouse",
    "airflow://connection/polytomic_default",
    "airflow://writer@connection/acme_polytomic",
    "airflow://connection/team/acme_polytomic",
    "airflow://connection/../acme_polytomic",
    "airflow://connection/acme_polytomic?field=x_polytomic",
    "airflow://pool/acme_polytomic",
    "vault://v@secret/acme_polytomic",
    "aws-ssm://a@/acme_polytomic",
    "file:///tmp/targets.csv",
    "file:///tmp/targets.jsonl",
    "file:///opt/airflow/dags/report.jsonl",
    "file:///opt/airflow/../../tmp/targets.csv",
    "s3://aws_default@bucket/targets.csv",
    "",
]
FORMS = [(name, field) for name in EXAMPLES for field in PLACES if field in example(name).params]


def test_the_examples_with_such_a_field_are_found():
    assert {field for _, field in FORMS} == set(PLACES)
    assert len(FORMS) == 8


@pytest.mark.parametrize("value", ELSEWHERE)
@pytest.mark.parametrize(("name", "field"), FORMS)
def test_a_form_accepts_no_other_place(name: str, field: str, value: str):
    param = example(name).params.get_param(field)
    assert field != "destination" or param.resolve("airflow://variable/globex_polytomic")
    with pytest.raises(ParamValidationError):
        param.resolve(value)


@pytest.mark.parametrize("name", [name for name, field in FORMS if field == "destination"])
def test_the_pattern_is_the_one_that_the_docs_explain(name: str):
    pattern = example(name).params.get_param("destination").schema["pattern"]
    assert f"`{pattern}`" in (ROOT / "docs" / "destinations.md").read_text()


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("value", ["airflow://connection/warehouse", "airflow://connection/polytomic_default"])
def test_a_run_with_another_destination_sends_no_request(scene: Scene, value: str):
    """A run that is created without the form, for example in a shell, is checked too."""
    conf: dict[str, Any] = {**scene.ids, "destination": value}
    with pytest.raises(ParamValidationError):
        run_dag(example("polytomic_issue_api_key"), conf=conf)
    assert scene.emulator.requests == []
