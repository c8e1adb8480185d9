"""Events of a DAG run in Airflow's database: one for each new key, with its reference, and no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic._airflow import assets, metastore
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS, BaseOperator
from airflow_provider_polytomic.assets import API_KEYS, api_keys_alias
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.operators._events import KeyEvents
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.dag_runs.examples import example
from tests.dag_runs.in_process import run_cleared, run_dag, xcom_of
from tests.fixtures import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.dag_runs.in_process import Run
    from tests.fixtures import Scene

ASSET = "asset" if AIRFLOW_V_3_0_PLUS else "dataset"
URI = "x-polytomic://airflow/connection/acme_polytomic"
RESTARTED_FOR = "acme_gateway_restarted_for"


@pytest.fixture(autouse=True)
def _nothing_known(airflow_db: Path) -> Iterator[None]:
    """Delete all assets and aliases, which DAGs of other tests may have created."""
    for table in (f"{ASSET}_alias_{ASSET}_event", f"{ASSET}_alias_{ASSET}", f"{ASSET}_event", f"{ASSET}_alias", ASSET):
        _execute(f"DELETE FROM {table}")
    yield
    _execute("DELETE FROM variable")


def test_a_new_key_is_an_event_with_its_reference(scene: Scene) -> None:
    run = run_dag(_dag("events_one", destination=CONNECTION, **scene.ids))
    assert run.state == "success"
    reference = xcom_of(run, "issue")
    assert reference["issued"] is True
    assert _events() == [(-1, URI, reference)]
    assert reference["fingerprint"] == ApiKey(scene.emulator.live_key(scene.user.id)).fingerprint
    assert _execute(f"SELECT name FROM {ASSET}_alias") == [(API_KEYS,)]


def test_where_a_key_is_kept_there_is_no_event(scene: Scene) -> None:
    for number in (1, 1, 2):
        dag = _dag(f"events_{number}", destination=CONNECTION, **scene.ids)
        assert run_dag(dag, at=datetime.now(UTC)).state == "success"
    assert (scene.emulator.minted(), len(_events())) == (1, 1)


def test_a_cleared_task_emits_the_event_of_the_same_key_again(scene: Scene) -> None:
    """A try may be killed before its event is written, so a consumer can get a second event."""
    dag = _dag("events_cleared", destination=CONNECTION, force=True, **scene.ids)
    run = run_dag(dag)
    run_cleared(dag, run, "issue")
    assert scene.emulator.minted() == 1
    assert len({extra["fingerprint"] for _, _, extra in _events()}) == 1


@pytest.mark.parametrize("outlets", [[], [api_keys_alias("eu"), api_keys_alias()]], ids=["without", "with"])
def test_each_mapped_instance_has_an_event_where_partial_has_the_alias(scene: Scene, outlets: list[Any]) -> None:
    hank = scene.emulator.add_user(scene.user.organization_id, "hank@acme.example")
    given = [
        {"user_id": user.id, "destination": f"airflow://connection/{name}"}
        for user, name in ((scene.user, "ada"), (hank, "hank"))
    ]
    with DAG(f"events_mapped_{len(outlets)}", schedule=None) as dag:
        PolytomicCreateApiKeyOperator.partial(
            task_id="issue", org_id=scene.user.organization_id, outlets=outlets
        ).expand_kwargs(given)
    assert run_dag(dag).states == {"issue[0]": "success", "issue[1]": "success"}
    events = sorted((index, uri, extra["user_id"]) for index, uri, extra in _events())
    expected = [
        (0, "x-polytomic://airflow/connection/ada", scene.user.id),
        (1, "x-polytomic://airflow/connection/hank", hank.id),
    ]
    assert events == (expected if outlets else [])
    names = [(alias.name,) for alias in outlets]
    assert sorted(_execute(f"SELECT name FROM {ASSET}_alias")) == sorted(names)
    # Each event belongs to both aliases.
    assert len(_execute(f"SELECT * FROM {ASSET}_alias_{ASSET}_event")) == len(expected) * len(outlets)


class _AnnounceMany(BaseOperator):
    """An operator that emits one event more than allowed."""

    def execute(self, context: Any) -> list[int]:
        """Emit the events, and return the number of dropped ones."""
        events = KeyEvents(context, self.outlets)
        for number in range(assets.max_events() + 1):
            events.emit_event(f"airflow://connection/many_{number}", {"destination": str(number)})
        return [events.dropped]


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="2.11 needs more time for its 1,000 than a test should")
def test_a_large_batch_emits_as_many_events_as_airflow_writes_in_time() -> None:
    with DAG("events_many", schedule=None) as dag:
        _AnnounceMany(task_id="announce", outlets=[api_keys_alias()])
    run = run_dag(dag)
    assert run.state == "success"
    most = assets.max_events()
    assert most == 100
    assert xcom_of(run, "announce") == [1]
    assert len(_events()) == most


def test_the_consumer_restarts_once_for_each_key(scene: Scene) -> None:
    dag = example("polytomic_restart_on_new_key")
    run = run_dag(dag)
    assert xcom_of(run, "restart_once") == "restarted by hand"
    issue = _dag("events_consumed", destination=CONNECTION, force=True, **scene.ids)
    for day in range(2):
        run_dag(issue, at=datetime.now(UTC) + timedelta(days=day))
        _consume(run)
        fingerprint = ApiKey(scene.emulator.live_key(scene.user.id)).fingerprint
        for result in ("restarted", "restarted already"):
            run = run_cleared(dag, run, "restart_once")
            assert xcom_of(run, "restart_once") == result
            assert metastore.get_variable(RESTARTED_FOR) == fingerprint
    assert scene.emulator.minted() == 2


def _dag(dag_id: str, **given: Any) -> Any:
    with DAG(dag_id, schedule=None) as dag:
        PolytomicCreateApiKeyOperator(task_id="issue", outlets=[api_keys_alias()], **given)
    return dag


def _events() -> list[tuple[int, str, dict[str, Any]]]:
    """Return the map index, the asset's URI and the ``extra`` of each event."""
    query = f"""
        SELECT event.source_map_index, {ASSET}.uri, event.extra FROM {ASSET}_event AS event
        JOIN {ASSET} ON {ASSET}.id = event.{ASSET}_id ORDER BY event.id
    """
    return [(index, uri, json.loads(extra)) for index, uri, extra in _execute(query)]


def _consume(run: Run) -> None:
    """Record the events as those that triggered the run, like the scheduler."""
    _execute(f"""
        INSERT OR IGNORE INTO dagrun_{ASSET}_event (dag_run_id, event_id)
        SELECT dag_run.id, event.id FROM dag_run, {ASSET}_event AS event WHERE dag_run.run_id = '{run.run_id}'
    """)


def _execute(statement: str) -> list[Any]:
    from airflow.utils.session import create_session
    from sqlalchemy import text

    with create_session() as session:
        result = session.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []  # type: ignore[attr-defined, unused-ignore]
