"""Rotate an API key every week. Whoever reads the destination is cut off for the moment in which the new key is stored.

Put your own ids and destination below, or set the parameters of a run in the form or in a shell::

    airflow dags trigger polytomic_rotate_api_key --conf '{"org_id": "...", "user_id": "..."}'
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.rotation import PolytomicRotateApiKeyOperator


@dag(
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "org_id": Param("248df4b7-aa70-47b8-a036-33ac447e668d", type="string", format="uuid", title="Organization"),
        "user_id": Param("0ecd09c1-b901-4d27-9053-f0367c427254", type="string", format="uuid", title="User"),
        "destination": Param("airflow://connection/acme_polytomic", type="string", title="Where the key is"),
        "max_age_days": Param(7, type="number", minimum=0, title="Rotate a key of this age", description="In days."),
    },
    # A try that dies in between leaves readers cut off until the next one has stored the very same key: so soon.
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_rotate_api_key() -> None:
    rotate_api_key = PolytomicRotateApiKeyOperator(
        task_id="rotate_api_key",
        org_id="{{ params.org_id }}",
        user_id="{{ params.user_id }}",
        destination="{{ params.destination }}",
        max_age="{{ params.max_age_days * 86400 }}",
        outlets=[api_keys_alias()],
    )

    @task
    def who_am_i(destination: str, server: str) -> str | None:
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return PolytomicHook.for_destination(destination, server=server).get_identity().email

    who_am_i(rotate_api_key.output["destination"], rotate_api_key.output["server"])


polytomic_rotate_api_key()
