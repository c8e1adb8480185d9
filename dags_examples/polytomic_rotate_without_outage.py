"""Rotate an API key every week without an outage. The keys of two users of the organization are stored in turn.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the key
- two users with the same role, whose keys nothing else uses

Last week's key works for one more week. Replace `tell_the_team` with your own task. Put your own IDs and destination
into the parameters in the DAG file before you unpause the DAG. You can also set them for one run, for
example to rotate now:

    airflow dags trigger polytomic_rotate_without_outage --conf '{"max_age_days": 0}'
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
            description="UUID of the first user.",
        ),
        "standby_user_id": Param(
            "6f1f6a4b-7d0f-4f5b-9d5e-4a2f4f6f0b1c",
            type="string",
            format="uuid",
            title="Standby user ID",
            description="UUID of the second user.",
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
    default_args={"retries": 5, "retry_delay": timedelta(minutes=1)},
    tags=["polytomic"],
)
def polytomic_rotate_without_outage() -> None:
    rotate_api_key = PolytomicRotateApiKeyOperator(
        task_id="rotate_api_key",
        org_id="{{ params.org_id }}",
        user_id="{{ params.user_id }}",
        standby_user_id="{{ params.standby_user_id }}",
        destination="{{ params.destination }}",
        max_age="{{ params.max_age_days * 86400 }}",
        skip_if_not_due=True,
        outlets=[api_keys_alias()],
    )

    @task
    def tell_the_team(reference: dict[str, str]) -> str:
        """Replace this with your own task. It is skipped if no key is rotated."""
        return f"{reference['destination']} now holds the key of user {reference['user_id']}."

    tell_the_team(rotate_api_key.output)


polytomic_rotate_without_outage()
