"""Issue one API key for each of several customers. A mapped task stores each key in its own connection.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the keys
- the organizations and users, which exist in Polytomic

If one customer fails, the others continue. Fix the cause, then clear the failed task instance.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator


@dag(
    doc_md=__doc__,
    schedule=None,
    params={
        "customers": Param(
            type="array",
            title="Customers",
            description="A list of objects with name, org_id and user_id. "
            "The key is stored in the connection {name}_polytomic.",
            items={
                "type": "object",
                "required": ["name", "org_id", "user_id"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z0-9_]+$"},
                    "org_id": {"type": "string", "format": "uuid"},
                    "user_id": {"type": "string", "format": "uuid"},
                },
            },
        ),
    },
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_issue_many_api_keys() -> None:
    @task
    def targets() -> list[dict[str, str]]:
        return [
            {
                "org_id": customer["org_id"],
                "user_id": customer["user_id"],
                "destination": f"airflow://connection/{customer['name']}_polytomic",
            }
            for customer in get_current_context()["params"]["customers"]
        ]

    PolytomicCreateApiKeyOperator.partial(
        task_id="issue_api_key", max_active_tis_per_dag=4, outlets=[api_keys_alias()]
    ).expand_kwargs(targets())


polytomic_issue_many_api_keys()
