"""A task refuses a destination that would hide a connection or Variable which other tasks use, before any request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.connection import Connection
from airflow.models.variable import Variable
from airflow.providers.common.compat.sdk import DAG
from airflow.utils.session import create_session

from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicRotateApiKeyOperator,
)
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator
from tests.dag_runs.in_process import run_dag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

PASSWORD = "w4rehouse-p4ss"
ROWS: dict[str, Callable[[], Any]] = {
    "connection": lambda: Connection(conn_id="warehouse", conn_type="postgres", host="db", password=PASSWORD),
    "variable": lambda: Variable(key="warehouse", val=PASSWORD),
}
TASKS: dict[str, Callable[[Scene, str], Any]] = {
    "issue": lambda scene, uri: PolytomicCreateApiKeyOperator(task_id="task", destination=uri, **scene.ids),
    "take over": lambda scene, uri: PolytomicCreateApiKeyOperator(
        task_id="task", destination=uri, take_over=True, force=True, **scene.ids
    ),
    "check": lambda scene, uri: PolytomicCreateApiKeyOperator(
        task_id="task", destination=uri, check_only=True, **scene.ids
    ),
    "rotate": lambda scene, uri: PolytomicRotateApiKeyOperator(task_id="task", destination=uri, max_age=0, **scene.ids),
    "batch": lambda scene, uri: PolytomicBatchRotateApiKeysOperator(
        task_id="task", max_age=0, targets=[{"destination": uri, **scene.ids}]
    ),
}


@contextmanager
def in_metastore(kind: str) -> Iterator[None]:
    with create_session() as session:
        session.add(ROWS[kind]())
    try:
        yield
    finally:
        with create_session() as session:
            session.query(Connection).filter(Connection.conn_id == "warehouse").delete()
            session.query(Variable).filter(Variable.key == "warehouse").delete()


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("task", TASKS)
def test_a_name_of_the_metastore_is_refused(scene: Scene, task: str, kind: str, capfd: Any, caplog: Any) -> None:
    with in_metastore(kind):
        with DAG(f"names_{kind}_{task}".replace(" ", "_"), schedule=None) as dag:
            TASKS[task](scene, f"airflow://{kind}/warehouse")
        assert run_dag(dag).states == {"task": "failed"}
    assert scene.posts == []
    assert "warehouse" not in scene.entries()
    console = "".join([*capfd.readouterr(), caplog.text])
    assert "take_over does not allow this" in console
    assert "Airflow's metadata database" in console
    assert PASSWORD not in console
