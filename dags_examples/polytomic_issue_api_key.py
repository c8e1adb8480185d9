"""Issue an API key for a user, store it in the secrets backend, and use it in the next task.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the key
- an organization and a user that exist in Polytomic

Replace `who_am_i` with your own task. Trigger the DAG from its form or in a shell:

    airflow dags trigger polytomic_issue_api_key --conf '{"org_id": "...", "user_id": "..."}'
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator


@dag(
    doc_md=__doc__,
    schedule=None,
    params={
        "org_id": Param(type="string", format="uuid", title="Organization ID", description="UUID of the organization."),
        "user_id": Param(type="string", format="uuid", title="User ID", description="UUID of the owner of the key."),
        # Only these names: whoever may trigger this DAG could otherwise write to any destination.
        "destination": Param(
            "airflow://connection/acme_polytomic",
            type="string",
            pattern=r"^airflow://(connection|variable)/[a-z0-9_]+_polytomic$",
            title="Destination",
            description="Where the key is stored. The name ends in _polytomic.",
        ),
    },
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_issue_api_key() -> None:
    issue_api_key = PolytomicCreateApiKeyOperator(
        task_id="issue_api_key",
        org_id="{{ params.org_id }}",
        user_id="{{ params.user_id }}",
        destination="{{ params.destination }}",
        outlets=[api_keys_alias()],
    )

    @task
    def who_am_i(destination: str, server: str) -> dict[str, str | None]:
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        me = PolytomicHook.for_destination(destination, server=server).get_identity()
        return {"id": me.id, "email": me.email, "organization_name": me.organization_name}

    who_am_i(issue_api_key.output["destination"], issue_api_key.output["server"])


polytomic_issue_api_key()
