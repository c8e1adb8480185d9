"""Rotate an API key every week. Programs that use the key have a short outage until the new key is stored.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the key

Put your own IDs and destination into the parameters in the DAG file before you unpause the DAG. You can also set them
for one run, in the form or in a shell:

    airflow dags trigger polytomic_rotate_api_key --conf '{"org_id": "...", "user_id": "..."}'
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicRotateApiKeyOperator


@dag(
    doc_md=__doc__,
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "org_id": Param(
            "248df4b7-aa70-47b8-a036-33ac447e668d",
            type="string",
            format="uuid",
            title="Organization ID",
            description="UUID of the organization.",
        ),
        "user_id": Param(
            "0ecd09c1-b901-4d27-9053-f0367c427254",
            type="string",
            format="uuid",
            title="User ID",
            description="UUID of the owner of the key.",
        ),
        # Only these names: whoever may trigger this DAG could otherwise write to any destination.
        "destination": Param(
            "airflow://connection/acme_polytomic",
            type="string",
            pattern=r"^airflow://(connection|variable)/[a-z0-9_]+_polytomic$",
            title="Destination",
            description="Where the key is stored. The name ends in _polytomic.",
        ),
        "max_age_days": Param(
            7,
            type="number",
            minimum=0,
            title="Maximum age in days",
            description="A key of this age is rotated. With 0, the key is rotated in any case.",
        ),
    },
    # If a try dies after the old key is revoked, consumers have no working key until a retry stores the new one.
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
