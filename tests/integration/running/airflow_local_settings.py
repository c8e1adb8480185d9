"""Which Polytomic do the customers of ``polytomic_onboarding_many`` live in, and what waits for its trigger?

They live in one with a bad line, of their own; and whatever has a schedule by the clock waits.
Policies of Airflow's, which the stage copies to where Airflow looks for them: the examples themselves are run as they
are.
"""

from __future__ import annotations

from typing import Any

__all__ = ["dag_policy", "task_policy"]


def task_policy(task: Any) -> None:
    """Have each task of that DAG that speaks with a partner key use another connection."""
    if task.dag_id == "polytomic_onboarding_many" and hasattr(task, "polytomic_conn_id"):
        task.polytomic_conn_id = "polytomic_unsteady"


def dag_policy(dag: Any) -> None:
    """Leave a DAG no schedule but one on assets: tasks that start before all is healthy time out."""
    from airflow.providers.common.compat.sdk import DAG

    # AssetTriggeredTimetable; on 2.11 DatasetTriggeredTimetable.
    if not type(dag.timetable).__name__.endswith("TriggeredTimetable"):
        dag.timetable = DAG("without_schedule", schedule=None).timetable
