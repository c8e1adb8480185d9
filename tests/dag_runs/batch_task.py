"""What does a process do that is to be terminated while it rotates a fleet? It runs a DAG of that one task.

``python -m tests.dag_runs.batch_task '{"targets": [...], "at": "2031-01-06T00:00:00+00:00"}'``
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator
from tests.dag_runs.in_process import run_dag

__all__ = ["fleet_dag"]


def fleet_dag(name: str, *, shards: list[int] | None = None, **given: Any) -> Any:
    """Return a DAG of the one task ``rotate``, mapped over the shards where there are any."""
    parameters = {"task_id": "rotate", "max_age": 0, "max_workers": 3, "outlets": [api_keys_alias()], **given}
    with DAG(name, schedule=None) as dag:
        if shards is None:
            PolytomicBatchRotateApiKeysOperator(**parameters)
        else:
            PolytomicBatchRotateApiKeysOperator.partial(**parameters, shards=len(shards)).expand(shard=shards)
    return dag


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    run = run_dag(fleet_dag("terminated_fleet", targets=job["targets"]), at=datetime.fromisoformat(job["at"]))
    print(json.dumps({"states": dict(run.states)}))
