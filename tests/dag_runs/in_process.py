"""DAG runs in this process, with ``dag.test()``, whose parameters differ between the versions of Airflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Run", "run_cleared", "run_dag", "xcom_of"]


@dataclass(frozen=True)
class Run:
    """Result of a DAG run; mapped task instances are named ``task_id[map_index]``.

    :param labels: names that the UI shows instead of the map index.
    """

    run_id: str
    state: str
    states: Mapping[str, str]
    tries: Mapping[str, int]
    labels: Mapping[str, str | None]


def run_dag(dag: Any, *, at: datetime | None = None, conf: Mapping[str, Any] | None = None) -> Run:
    """Run the DAG to its end, retries included.

    :param at: the run's time; with the time of an earlier run, that run is cleared.
    """
    at = at or datetime.now(UTC)
    return _run_of(_on_airflow_3(dag, at, conf) if AIRFLOW_V_3_0_PLUS else _on_airflow_2(dag, at, conf))


def _run_of(dag_run: Any) -> Run:
    """Return the result of Airflow's own object."""
    instances = {_name_of(ti): ti for ti in dag_run.get_task_instances()}
    return Run(
        run_id=dag_run.run_id,
        state=dag_run.state,
        states={name: ti.state for name, ti in instances.items()},
        tries={name: ti.try_number for name, ti in instances.items()},
        labels={name: ti.rendered_map_index for name, ti in instances.items()},
    )


def _name_of(ti: Any) -> str:
    """Return the name of a task instance in :class:`Run`."""
    return ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"


def xcom_of(run: Run, task_id: str, *, key: str = "return_value") -> Any:
    """Return what the task returned, or pushed under another key, from the metadata database."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    query = "SELECT value FROM xcom WHERE run_id = :run_id AND task_id = :task_id AND key = :key"
    with create_session() as session:
        value = session.execute(text(query), {"run_id": run.run_id, "task_id": task_id, "key": key}).scalar_one()
    return json.loads(value)


def run_cleared(dag: Any, run: Run, *names: str) -> Run:
    """Clear only the task instances of these names, like a user in the UI, and run the DAG run to its end.

    ``dag.test()`` can only repeat a whole run, without the results of its tasks.
    """
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import clear_task_instances
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from sqlalchemy import select

    with create_session() as session:
        query = select(DagRun).where(DagRun.dag_id == dag.dag_id, DagRun.run_id == run.run_id)
        dag_run: Any = session.scalars(query).one()
        instances = [ti for ti in dag_run.get_task_instances(session=session) if _name_of(ti) in names]
        assert len(instances) == len(names), names
        clear_task_instances(instances, session, dag_run_state=DagRunState.RUNNING)
        session.commit()
        dag_run.dag = _as_scheduled(dag)
        while dag_run.state == DagRunState.RUNNING:
            _advance(dag, dag_run, session)
        return _run_of(dag_run)


def _on_airflow_3(dag: Any, at: datetime, conf: Mapping[str, Any] | None) -> Any:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    # A run belongs to a stored version of its DAG, and dag.test() stores only DAGs in the DAGs folder.
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dag_folder="/dev/null", bundle_name="dags-folder")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    return dag.test(logical_date=at, run_after=at, run_conf=dict(conf or {}))


def _on_airflow_2(dag: Any, at: datetime, conf: Mapping[str, Any] | None) -> Any:
    # To repeat a run, dag.test() deletes it, and SQLAlchemy then needs the table of the authors of its notes.
    import_module("airflow.providers.fab.auth_manager.models")
    try:
        return dag.test(execution_date=at, run_conf=dict(conf or {}))
    except AirflowTaskTimeout:
        # It ends dag.test() itself, because it is no Exception. A repeated run is then the next try.
        return dag.test(execution_date=at, run_conf=dict(conf or {}))


def _advance(dag: Any, dag_run: Any, session: Any) -> None:
    """Run one step of the loop of ``dag.test()``."""
    from airflow.utils.state import TaskInstanceState

    session.expire_all()
    instances, _ = dag_run.update_state(session=session)
    for ti in instances:
        ti.try_number += 1
        ti.state = TaskInstanceState.SCHEDULED
    session.commit()
    for ti in instances:
        if AIRFLOW_V_3_0_PLUS:
            from airflow.sdk.definitions.dag import _run_task

            _run_task(ti=ti, task=dag.task_dict[ti.task_id])
        else:
            ti.task = dag.task_dict[ti.task_id]
            ti._run_raw_task(session=session)


def _as_scheduled(dag: Any) -> Any:
    if not AIRFLOW_V_3_0_PLUS:
        return dag
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
