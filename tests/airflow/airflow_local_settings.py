"""A policy of Airflow's, which the stage copies to where Airflow looks for it: the examples stay as they are."""

from __future__ import annotations

from typing import Any

__all__ = ["dag_policy"]


def dag_policy(dag: Any) -> None:
    """Leave a DAG no schedule but one on assets: tasks that start before all is healthy time out."""
    from airflow.providers.common.compat.sdk import DAG

    # AssetTriggeredTimetable; on 2.11 DatasetTriggeredTimetable.
    if not type(dag.timetable).__name__.endswith("TriggeredTimetable"):
        dag.timetable = DAG("without_schedule", schedule=None).timetable
