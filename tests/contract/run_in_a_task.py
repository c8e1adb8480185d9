"""Run pytest inside a running task, because some stores can only be reached from there.

``python -m tests.contract.run_in_a_task <arguments of pytest>``. ``dag.test()`` gives a task of Airflow 3 a real
channel to a real Execution API, both in this process.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import pytest
from airflow import DAG

from airflow_provider_polytomic._airflow.version import BaseOperator
from tests.dag_runs.in_process import run_dag

_codes: list[int] = []


class RunPytest(BaseOperator):
    """A task that runs the suite."""

    def execute(self, context):
        _codes.append(int(pytest.main(sys.argv[1:])))


if __name__ == "__main__":
    with DAG("contract", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        RunPytest(task_id="suite")
    run_dag(dag)
    sys.stdout.flush()
    os._exit(_codes[0] if _codes else 99)  # dag.test() of Airflow 3.3 leaves threads behind
