"""Errors in callbacks: a callback gets the error's class, and Airflow retries only if that can help."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic._airflow.version import AirflowFailException
from airflow_provider_polytomic.exceptions import (
    IssuanceRefusedError,
    PolytomicConfigurationError,
    PolytomicError,
    PolytomicNotFoundError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.operators.organizations import PolytomicDeleteOrganizationOperator
from tests.dag_runs.in_process import run_dag
from tests.fixtures import CONNECTION

if TYPE_CHECKING:
    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def callback_errors(request: pytest.FixtureRequest) -> Any:
    """Run a DAG with one task, and return the errors that its callbacks got: on retry, and on failure."""

    def run(operator: Any, **given: Any) -> dict[str, list[BaseException]]:
        found: dict[str, list[BaseException]] = {"retry": [], "failure": []}
        with DAG(re.sub(r"\W+", "_", request.node.name), schedule=None) as dag:
            operator(
                task_id="task", retries=2, retry_delay=timedelta(0), **given,
                on_retry_callback=lambda context: found["retry"].append(context["exception"]),
                on_failure_callback=lambda context: found["failure"].append(context["exception"]),
            )  # fmt: skip
        result = run_dag(dag)
        assert result.states == {"task": "failed"}
        assert result.tries == {"task": len(found["retry"]) + 1}
        return found

    return run


def test_a_refusal_fails_the_task_at_once_and_keeps_its_class(scene: Scene, callback_errors: Any) -> None:
    colleague = scene.emulator.add_user(scene.user.organization_id, "bob@acme.example")
    key = scene.emulator.give_key(colleague.id)
    scene.put("polytomic_default", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    found = callback_errors(PolytomicCreateApiKeyOperator, destination=CONNECTION, **scene.ids)
    (error,) = found["failure"]
    assert found["retry"] == []
    assert isinstance(error, IssuanceRefusedError)
    assert isinstance(error, AirflowFailException)
    assert error.key_was_issued is False
    assert f"of user {scene.user.id} of organization {scene.user.organization_id}" in str(error)
    assert str(error).endswith(f"(Destination {CONNECTION})")
    # There is no other exception, and the only frame of this package is that of the task.
    assert (error.__cause__, error.__context__) == (None, None)
    ours = [frame.name for frame in traceback.extract_tb(error.__traceback__) if "airflow_provider" in frame.filename]
    assert ours == ["execute"]
    assert key not in "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize(
    ("given", "kind", "attributes"),
    [
        (
            {"org_id": NOBODY, "expected_name": "Globex"},
            PolytomicNotFoundError,
            {"status": 404, "is_from_polytomic": True},
        ),
        ({"org_id": "acme", "expected_name": "Acme"}, PolytomicConfigurationError, {"fields": ("org_id",)}),
    ],
)
def test_the_error_keeps_its_attributes_and_can_be_copied(
    scene: Scene, callback_errors: Any, given: dict[str, str], kind: type[PolytomicError], attributes: dict[str, object]
) -> None:
    found = callback_errors(PolytomicDeleteOrganizationOperator, **given)
    (error,) = found["failure"]
    assert found["retry"] == []
    for each in (error, copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert isinstance(each, kind)
        assert isinstance(each, AirflowFailException)
        assert (type(each).__name__, type(each).__module__) == (kind.__name__, kind.__module__)
        assert {name: getattr(each, name) for name in attributes} == attributes
        assert (str(each), repr(each)) == (str(error), repr(error))


def test_what_can_pass_is_retried_and_reported_each_time(scene: Scene, callback_errors: Any) -> None:
    # Longer than a try waits, so that no request is repeated.
    scene.emulator.inject("status:503 endpoint=get_organization retry_after=3600 times=always")
    given = {"org_id": scene.ids["org_id"], "expected_name": "Acme"}
    found = callback_errors(PolytomicDeleteOrganizationOperator, **given)
    assert [type(error) for error in found["retry"] + found["failure"]] == [PolytomicUnavailableError] * 3
