"""What does Airflow do to an operator before it runs it? Import, copy, pickle, serialise, render, map."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.operators.rendering import to_boolean
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS

GIVEN: dict[str, Any] = {
    "org_id": "248df4b7-aa70-47b8-a036-33ac447e668d",
    "user_id": "0ecd09c1-b901-4d27-9053-f0367c427254",
    "destination": "airflow://connection/acme_polytomic",
}


@pytest.mark.parametrize(
    ("rendered", "meant"),
    [
        (True, True),
        (False, False),
        ("True", True),
        ("true", True),
        ("False", False),
        ("false", False),
        (" TRUE\n", True),
    ],
)
def test_a_rendered_boolean_means_what_it_says(rendered: object, meant: bool) -> None:
    assert to_boolean("force", rendered) is meant


@pytest.mark.parametrize("rendered", ["", "yes", "1", "0", "None", 1, 0, None, [], "truefalse"])
def test_anything_that_is_no_boolean_is_an_error_that_names_the_parameter(rendered: object) -> None:
    with pytest.raises(PolytomicConfigurationError, match="force"):
        to_boolean("force", rendered)


def test_templates_are_rendered_in_every_templated_field() -> None:
    templates: dict[str, Any] = {name: "{{ given }}-" + name for name in PolytomicCreateApiKeyOperator.template_fields}
    operator = PolytomicCreateApiKeyOperator(task_id="issue", **templates)
    assert {name: getattr(operator, name) for name in templates} == templates
    rendering: Any = {"given": "x"}
    operator.render_template_fields(rendering)
    assert {name: getattr(operator, name) for name in templates} == {name: f"x-{name}" for name in templates}


def test_no_field_is_made_for_a_secret() -> None:
    fields = vars(PolytomicCreateApiKeyOperator(task_id="issue", **GIVEN))
    assert not [name for name in fields if any(word in name for word in ("password", "secret", "token", "key"))]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda operator: pickle.loads(pickle.dumps(operator))])
def test_an_operator_can_be_copied_and_pickled_also_after_on_kill(duplicate: Any) -> None:
    operator = PolytomicCreateApiKeyOperator(task_id="issue", force=True, **GIVEN)
    operator.on_kill()
    twin = duplicate(operator)
    assert {name: getattr(twin, name) for name in twin.template_fields} == {
        name: getattr(operator, name) for name in operator.template_fields
    }


@pytest.mark.usefixtures("airflow_db")  # 2.11 looks the alias of its outlets up
def test_a_dag_with_it_is_serialised_mapped_or_not() -> None:
    with DAG("serialised", schedule=None) as dag:
        PolytomicCreateApiKeyOperator(task_id="one", retry_for=5, **GIVEN)
        PolytomicCreateApiKeyOperator.partial(task_id="many", org_id=GIVEN["org_id"], user_id=GIVEN["user_id"]).expand(
            destination=["airflow://connection/a", "airflow://connection/b"]
        )
    serialised = json.loads(json.dumps(_serialise(dag)))
    tasks = {task["__var"]["task_id"]: task["__var"] for task in serialised["dag"]["tasks"]}
    assert tasks["one"]["destination"] == GIVEN["destination"]
    assert tasks["many"]["_is_mapped"] is True
    assert tasks["many"]["template_fields"] == list(PolytomicCreateApiKeyOperator.template_fields)


def test_importing_the_operator_adds_at_most_ten_modules_to_base_operator() -> None:
    base = "airflow.sdk" if AIRFLOW_V_3_0_PLUS else "airflow.models.baseoperator"
    code = (
        f"import sys, json; from {base} import BaseOperator; before = set(sys.modules); "
        "import airflow_provider_polytomic.operators.api_keys; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    added = json.loads(done.stdout.splitlines()[-1])
    assert "airflow_provider_polytomic.operators.api_keys" in added
    assert len(added) <= 10, added


def _serialise(dag: Any) -> Any:
    module: Any = import_module("airflow.serialization.serialized_objects")
    return (module.DagSerialization if AIRFLOW_V_3_0_PLUS else module.SerializedDAG).to_dict(dag)
