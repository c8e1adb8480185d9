"""Every example DAG explains itself in Airflow's UI."""

from __future__ import annotations

import pytest

from tests.dag_files import ROOT
from tests.dag_runs.examples import example

EXAMPLES = sorted(path.stem for path in (ROOT / "dags_examples").glob("*.py"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_it_does_and_what_it_needs(name: str):
    first, _, rest = (example(name).doc_md or "").strip().partition("\n\n")
    assert first.endswith(".")
    assert rest.startswith("It needs")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_field_of_the_form_has_a_title_and_a_description(name: str):
    params = example(name).params
    fields = {field: params.get_param(field) for field in params}
    assert [name for name, field in fields.items() if not (field.schema.get("title") and field.description)] == []
