"""Issuance in DAG runs with Airflow's own retries, in this process."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.dag_runs.examples import ENDS_THE_TRY, assert_no_key_in, example
from tests.dag_runs.in_process import run_dag, xcom_of
from tests.dag_runs.secrets_settings import meddling
from tests.fixtures import CONNECTION, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    MakeDag = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("airflow_db")

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def issuing(scene: Scene, request: pytest.FixtureRequest) -> MakeDag:
    """Return a DAG with one task, ``issue``, which retries twice without a delay."""

    def make(**given: Any) -> Any:
        defaults = {"task_id": "issue", "destination": CONNECTION, "retries": 2, **scene.ids}
        with DAG(re.sub(r"\W+", "_", request.node.name), schedule=None) as dag:
            PolytomicCreateApiKeyOperator(**{**defaults, "retry_delay": timedelta(0), **given})
        return dag

    return make


def test_the_example_issues_a_key_which_its_next_task_uses(
    scene: Scene, airflow_db: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run = run_dag(example("polytomic_issue_api_key"), conf=scene.ids)
    assert run.states == {"issue_api_key": "success", "who_am_i": "success"}
    key = scene.emulator.live_key(scene.user.id)
    assert scene.stored() == key
    assert xcom_of(run, "issue_api_key")["fingerprint"] == ApiKey(key).fingerprint
    assert xcom_of(run, "who_am_i") == {"id": scene.user.id, "email": scene.user.email, "organization_name": "Acme"}
    console = "".join([*capfd.readouterr(), caplog.text])
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id, console=console)


def test_the_mapped_example_issues_for_every_customer_but_the_one_that_is_wrong(scene: Scene, airflow_db: Path) -> None:
    globex = scene.emulator.add_organization("Globex")
    hank = scene.emulator.add_user(globex.id, "hank@globex.example")
    customers = [
        {"name": "acme", **scene.ids},
        {"name": "nobody", "org_id": globex.id, "user_id": NOBODY},
        {"name": "globex", "org_id": globex.id, "user_id": hank.id},
    ]
    run = run_dag(example("polytomic_issue_many_api_keys"), conf={"customers": customers})
    mapped = {name: state for name, state in run.states.items() if name != "targets"}
    assert mapped == {"issue_api_key[0]": "success", "issue_api_key[1]": "failed", "issue_api_key[2]": "success"}
    assert run.tries["issue_api_key[1]"] == 1
    assert run.labels["issue_api_key[1]"] == "airflow://connection/nobody_polytomic"
    assert scene.stored("acme_polytomic") == scene.emulator.live_key(scene.user.id)
    assert scene.stored("globex_polytomic") == scene.emulator.live_key(hank.id)
    assert scene.stored("nobody_polytomic") is None
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


@pytest.mark.parametrize("fault", ["status:502 when=after endpoint=create_api_key", "status:503 endpoint=get_identity"])
def test_a_passing_fault_costs_a_try_and_no_second_key(scene: Scene, issuing: MakeDag, fault: str) -> None:
    """Which faults are temporary is tested in ``tests/unit/hooks``; here, that Airflow retries."""
    scene.emulator.inject(f"{fault} times=always {ENDS_THE_TRY}")
    run = run_dag(issuing(on_retry_callback=lambda _context: scene.emulator.clear_faults()))
    assert (run.states, run.tries) == ({"issue": "success"}, {"issue": 2})
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    assert scene.emulator.minted(scene.user.id) == 1


def test_a_refusal_fails_the_task_at_its_first_try(scene: Scene, issuing: MakeDag, airflow_db: Path) -> None:
    scene.emulator.inject("status:403 endpoint=create_api_key times=always")
    run = run_dag(issuing())
    assert (run.states, run.tries) == ({"issue": "failed"}, {"issue": 1})
    assert len(scene.posts) == 1
    assert scene.stored() is None
    assert_no_key_in(airflow_db, scene.emulator, run_id=run.run_id)


def test_a_forced_key_is_issued_once_a_run_even_after_a_clear(scene: Scene, issuing: MakeDag) -> None:
    dag = issuing(force=True)
    first_run = datetime.now(UTC) + timedelta(days=1)
    keys = []
    for at in (first_run, first_run, first_run + timedelta(days=1)):
        assert run_dag(dag, at=at).state == "success"
        keys.append(scene.emulator.live_key(scene.user.id))
        assert scene.stored() == keys[-1]
    assert keys[0] == keys[1] != keys[2]
    assert len(scene.posts) == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_try_that_times_out_between_promote_and_confirm_is_completed_with_its_very_key(
    scene: Scene, issuing: MakeDag, configure: Callable[[Mapping[str, str]], None], force: bool
) -> None:
    configure(meddling("times out after promote", scene.connections))
    # The backend raises the time-out.
    run = run_dag(issuing(force=force, execution_timeout=timedelta(minutes=10)))
    assert run.states == {"issue": "success"}
    # A forced retry cannot know that the stored key is its own, so it sends its request again.
    assert len(scene.posts) == (2 if force else 1)
    assert len(set(scene.idempotency_keys)) == 1
    assert scene.emulator.minted(scene.user.id) == 1
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    assert xcom_of(run, "issue")["issued"] is force


@pytest.mark.parametrize("native", [False, True])
def test_rendered_booleans_mean_what_they_say(scene: Scene, native: bool) -> None:
    params = {"force": False, "check_only": True}
    with DAG(f"rendered_{native}", schedule=None, params=params, render_template_as_native_obj=native) as dag:
        given: dict[str, Any] = scene.ids | {name: f"{{{{ params.{name} }}}}" for name in params}
        PolytomicCreateApiKeyOperator(task_id="issue", destination=CONNECTION, **given)
    assert xcom_of(run_dag(dag), "issue")["would_issue"] is True
    assert scene.posts == []
    run_dag(dag, conf={"force": True, "check_only": False})
    assert [post.query["force"] for post in scene.posts] == ["true"]


def test_a_map_index_template_of_the_user_wins(scene: Scene) -> None:
    with DAG("named", schedule=None) as dag:
        PolytomicCreateApiKeyOperator.partial(
            task_id="issue", map_index_template="{{ task.user_id[:4] }}", **scene.ids
        ).expand(destination=["airflow://connection/named_polytomic"])
    assert run_dag(dag).labels == {"issue[0]": scene.user.id[:4]}
