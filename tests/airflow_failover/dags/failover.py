"""Tasks that are killed while they rotate a key; the tests copy this file into the folder of its JSON file."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicRotateApiKeyOperator

CONTENT = json.loads(Path(__file__).with_name("failover.json").read_text())

with DAG(
    "failover",
    schedule=None,
    max_active_tasks=len(CONTENT),
    default_args={"retries": 5, "retry_delay": timedelta(0)},
):

    @task
    def call(conn_ids: list[str]) -> dict[str, str]:
        """Use the keys like a consumer, and return their owners."""
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return {conn_id: str(PolytomicHook(polytomic_conn_id=conn_id).get_identity().id) for conn_id in conn_ids}

    rotations = [
        PolytomicRotateApiKeyOperator(
            task_id=name, max_age=timedelta(days=6), retry_for=600, outlets=[api_keys_alias()], **given
        )
        for name, given in CONTENT.items()
    ]
    rotations >> call(list(CONTENT))
