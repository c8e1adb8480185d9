"""A rotation without the batch operator: one mapped task for each customer."""

from __future__ import annotations

import json
import os
from pathlib import Path

from airflow_provider_polytomic.operators.api_keys import PolytomicRotateApiKeyOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

with DAG("mapped_rotation", schedule=None, max_active_tasks=32):
    PolytomicRotateApiKeyOperator.partial(task_id="rotate", max_age=0).expand_kwargs(
        json.loads(Path(os.environ["BENCHMARK_TARGETS"]).read_text())
    )
