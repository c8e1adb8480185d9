"""Which Polytomic do the customers of ``polytomic_onboarding_many`` live in? One with a bad line, of their own.

A policy of Airflow's, which the stage copies to where Airflow looks for it: the example itself is run as it is.
"""

from __future__ import annotations

from typing import Any

__all__ = ["task_policy"]


def task_policy(task: Any) -> None:
    """Have each task of that DAG that speaks with a partner key use another connection."""
    if task.dag_id == "polytomic_onboarding_many" and hasattr(task, "polytomic_conn_id"):
        task.polytomic_conn_id = "polytomic_unsteady"
