"""Process that is terminated while it rotates many keys: it runs a DAG with one task.

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

__all__ = ["batch_dag"]


def batch_dag(name: str, *, shards: list[int] | None = None, **given: Any) -> Any:
    """Return a DAG with one task, ``rotate``, mapped over the shards if there are any."""
    parameters = {"task_id": "rotate", "max_age": 0, "max_workers": 3, "outlets": [api_keys_alias()], **given}
    with DAG(name, schedule=None) as dag:
        if shards is None:
            PolytomicBatchRotateApiKeysOperator(**parameters)
        else:
            PolytomicBatchRotateApiKeysOperator.partial(**parameters, shards=len(shards)).expand(shard=shards)
    return dag


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    run = run_dag(batch_dag("terminated_batch", targets=job["targets"]), at=datetime.fromisoformat(job["at"]))
    print(json.dumps({"states": dict(run.states)}))
