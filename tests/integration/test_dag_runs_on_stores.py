"""What becomes of a key when Airflow keeps its secrets in Vault, Secrets Manager or Parameter Store?"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS
from demo.airflow_environment import local_secrets
from tests.integration.in_process import run_dag, xcom_of
from tests.integration.secrets_settings import BACKEND, KWARGS, WORKERS_BACKEND, WORKERS_KWARGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.integration.in_process import Run
    from tests.integration.sites import Site
    from tests.scene import Scene

    Configure = Callable[[Mapping[str, str]], None]

pytestmark = pytest.mark.usefixtures("airflow_db")

OWNER, WRITER = "the data team", "store_writer"


@pytest.fixture
def issue_then_use(scene: Scene, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make a DAG of two tasks: one issues, the next uses what Airflow, or the destination, then gives it."""

    def make(destination: str, **given: Any) -> Any:
        with DAG(re.sub(r"\W+", "_", request.node.name), schedule=None, params={"force": False}) as dag:
            defaults = {"task_id": "issue", "force": "{{ params.force }}", "retries": 2, **scene.ids}
            issue = PolytomicCreateApiKeyOperator(
                **{**defaults, "destination": destination, "retry_delay": timedelta(0), **given}
            )

            @task(retries=0)
            def use() -> str | None:
                from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

                return PolytomicHook.for_destination(destination, server="polytomic_default").get_identity().id

            issue >> use()
        return dag

    return make


def _went_well(scene: Scene, run: Run) -> str:
    """Check that the consumer used the user's only live key, and return it."""
    assert run.states == {"issue": "success", "use": "success"}
    assert xcom_of(run, "use") == scene.user.id
    key = scene.emulator.live_key(scene.user.id)
    assert scene.emulator.requests[-1].endpoint == "get_identity"
    assert scene.emulator.requests[-1].headers["authorization"] == f"Bearer {key}"
    return key


@pytest.mark.parametrize("kind", ["connection", "variable"])
def test_the_next_task_gets_the_key_and_after_a_renewal_the_new_one(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any, kind: str
) -> None:
    destination = f"airflow://{kind}/acme"
    configure(site.settings())
    dag = issue_then_use(destination)
    keys = []
    for force in (False, False, True):
        keys.append(_went_well(scene, run_dag(dag, conf={"force": force})))
        assert keys[-1] == (site.variable("acme") if kind == "variable" else site.fields("acme")["password"])
    assert keys[0] == keys[1] != keys[2]
    assert len(scene.posts) == 2


def test_a_worker_that_may_only_read_writes_with_a_connection_of_its_own(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{WRITER.upper()}", site.connection())
    configure(site.settings("read"))
    dag = issue_then_use(f"airflow://{WRITER}@connection/acme")
    first, second = (_went_well(scene, run_dag(dag, conf={"force": force})) for force in (False, True))
    assert first != second == site.fields("acme")["password"]


def test_what_else_is_in_the_connection_stays(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any
) -> None:
    old = scene.emulator.give_key(scene.user.id)
    extra = {"organization": "Acme"}
    fields = {"conn_type": "polytomic", "host": scene.emulator.base_url, "password": old, "extra": json.dumps(extra)}
    site.put("acme", fields)
    configure(site.settings())
    dag = issue_then_use("airflow://connection/acme", take_over=True)
    _went_well(scene, run_dag(dag, conf={"force": True}))
    assert site.fields("acme")["password"] != old
    assert site.fields("acme")["extra"] == fields["extra"]


def test_a_destination_outside_airflow_is_read_by_the_hook_and_keeps_its_other_fields(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{WRITER.upper()}", site.connection())
    configure({})
    site.put_outside("acme", scene.emulator.give_key(scene.user.id), OWNER)
    destination = site.outside.format(conn_id=WRITER, name="acme")
    dag = issue_then_use(destination, take_over=True)
    key = _went_well(scene, run_dag(dag, conf={"force": True}))
    assert site.held_outside("acme") == (key, site.beside and OWNER)


def test_a_store_that_is_down_costs_a_try_and_no_post(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any
) -> None:
    posts = []

    def repair(_context: Any) -> None:
        posts.append(len(scene.posts))
        configure(site.settings())

    configure(site.settings(down=True))
    dag = issue_then_use("airflow://connection/acme", on_retry_callback=repair, retry_for=2.0)
    run = run_dag(dag)
    _went_well(scene, run)
    assert (posts, run.tries["issue"]) == ([0], 2)


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="2.11 has no [workers] secrets_backend")
def test_the_backend_of_workers_is_written_where_they_have_one_of_their_own(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any
) -> None:
    theirs = site.settings()
    configure(
        local_secrets(scene.connections.parent) | {WORKERS_BACKEND: theirs[BACKEND], WORKERS_KWARGS: theirs[KWARGS]}
    )
    dag = issue_then_use("airflow://connection/acme")
    key = _went_well(scene, run_dag(dag))
    assert site.fields("acme")["password"] == key
    assert scene.stored("acme") is None
