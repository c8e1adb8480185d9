"""Airflow policy that the deployment copies into its configuration, so that the examples stay unchanged."""

from __future__ import annotations

from typing import Any

__all__ = ["dag_policy"]


def dag_policy(dag: Any) -> None:
    """Remove every schedule except one on assets: tasks that start before Airflow is healthy time out."""
    from airflow.providers.common.compat.sdk import DAG

    # AssetTriggeredTimetable; on 2.11 DatasetTriggeredTimetable.
    if not type(dag.timetable).__name__.endswith("TriggeredTimetable"):
        dag.timetable = DAG("without_schedule", schedule=None).timetable
