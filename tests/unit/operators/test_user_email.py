"""Whose address is ``email``? The new user's; Airflow, which has such a parameter for alerts, never writes to it."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scene import Scene

    Context = Callable[..., dict[str, Any]]

BOB, EVE, ON_CALL = "bob@acme.example", "eve@acme.example", "on-call@partner.example"
ALERTS = [
    {},
    {"email": ON_CALL},
    {"email": [ON_CALL], "email_on_failure": True, "email_on_retry": True},
]
with_alerts = pytest.mark.parametrize("default_args", ALERTS)


def in_every_way(default_args: dict[str, Any]) -> dict[str, Any]:
    """Make the operator in each way that a DAG can; return the tasks as the scheduler has them, by their ids."""
    kind = PolytomicCreateUserOperator
    with DAG("of_alerts", schedule=None, default_args=default_args) as dag:
        kind(task_id="one", org_id="current", email=BOB)
        kind.partial(task_id="of_one_address", email=BOB).expand(org_id=["current"])
        kind.partial(task_id="of_addresses", org_id="current").expand(email=[BOB, EVE])
        kind.partial(task_id="of_all").expand_kwargs([{"org_id": "current", "email": BOB}])
        kind.partial(task_id="in_words", org_id="current", email_on_failure=True, email_on_retry=True).expand(
            email=[BOB]
        )
    module: Any = import_module("airflow.serialization.serialized_objects")
    serialisation = module.DagSerialization if AIRFLOW_V_3_0_PLUS else module.SerializedDAG
    loaded = serialisation.from_dict(json.loads(json.dumps(serialisation.to_dict(dag))))
    return {"parsed": dag.task_dict, "loaded": loaded.task_dict}


def told(task: Any) -> Any:
    """Whom Airflow tells of a failure or a retry (task_runner, scheduler_job_runner; taskinstance on 2.11)."""
    given = {"email_on_failure": True, "email_on_retry": True} | getattr(task, "partial_kwargs", vars(task))
    return task.email if given["email_on_failure"] or given["email_on_retry"] else None


@with_alerts
def test_no_alert_goes_to_the_user_however_the_task_was_made(default_args: dict[str, Any]) -> None:
    ways = in_every_way(default_args)
    assert set(ways["parsed"]) == set(ways["loaded"])
    for tasks in ways.values():
        assert told(tasks["one"]) == default_args.get("email")
        assert [told(task) for name, task in tasks.items() if name != "one"] == [None] * 4


@with_alerts
def test_a_mapped_instance_has_its_own_user_and_airflow_no_address_of_it(default_args: dict[str, Any]) -> None:
    parsed = in_every_way(default_args)["parsed"]
    expanded = {
        "of_one_address": {"org_id": "current"},
        "of_addresses": {"email": BOB},
        "of_all": {"org_id": "current", "email": BOB},
        "in_words": {"email": BOB},
    }
    for name, values in expanded.items():
        unmapped = parsed[name].unmap(values)
        assert (unmapped.user_email, unmapped.org_id) == (BOB, "current")
        assert (unmapped.email_on_failure, unmapped.email_on_retry) == (False, False)
        assert unmapped.email in (None, default_args.get("email"))


def test_the_operators_own_attribute_stays_empty(scene: Scene, context: Context) -> None:
    operator = PolytomicCreateUserOperator(task_id="one", org_id=scene.ids["org_id"], email=BOB)
    assert operator.email is None
    assert operator.execute(context())["email"] == BOB
    assert operator.email is None


def test_the_address_can_be_a_template(scene: Scene, context: Context) -> None:
    operator = PolytomicCreateUserOperator(task_id="one", org_id=scene.ids["org_id"], email="{{ params.email }}")
    rendering: Any = {"params": {"email": BOB}}
    operator.render_template_fields(rendering)
    assert operator.execute(context())["email"] == BOB
