"""How does a test clear tasks of a run that has ended? As a person does it in the UI: these, and nothing else.

``dag.test()`` only ever begins a run anew, without what its tasks have returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS
from tests.integration.in_process import name_of, run_of

if TYPE_CHECKING:
    from tests.integration.in_process import Run

__all__ = ["run_cleared"]


def run_cleared(dag: Any, run: Run, *names: str) -> Run:
    """Clear the task instances of these names, and run what can then be run."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import clear_task_instances
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from sqlalchemy import select

    with create_session() as session:
        query = select(DagRun).where(DagRun.dag_id == dag.dag_id, DagRun.run_id == run.run_id)
        dag_run: Any = session.scalars(query).one()
        instances = [ti for ti in dag_run.get_task_instances(session=session) if name_of(ti) in names]
        assert len(instances) == len(names), names
        clear_task_instances(instances, session, dag_run_state=DagRunState.RUNNING)
        session.commit()
        dag_run.dag = _as_scheduled(dag)
        while dag_run.state == DagRunState.RUNNING:
            _advance(dag, dag_run, session)
        return run_of(dag_run)


def _advance(dag: Any, dag_run: Any, session: Any) -> None:
    """Do once what ``dag.test()`` does over and over."""
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
