"""Onboard several customers in one run. A mapped task group handles each customer.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the keys

If one customer fails, the others continue, and the run fails at the end. Fix the cause, then clear the failed task with
its downstream tasks.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task, task_group

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.operators.organizations import PolytomicCreateOrganizationOperator
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator


@dag(
    doc_md=__doc__,
    schedule=None,
    params={
        "customers": Param(
            type="array",
            title="Customers",
            description="A list of objects with name, organization, email and, optionally, role (default: Editor). "
            "The key is stored in the connection {name}_polytomic.",
            items={
                "type": "object",
                "required": ["name", "organization", "email"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z0-9_]+$"},
                    "organization": {"type": "string", "pattern": r"^\S(.*\S)?$"},
                    "email": {"type": "string", "format": "email"},
                    "role": {"enum": ["Admin", "Editor", "Sync Editor", "Viewer"]},
                },
                "additionalProperties": False,
            },
        ),
    },
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_onboarding_many() -> None:
    @task
    def customers() -> list[dict[str, str]]:
        return [
            {
                "organization_name": customer["organization"],
                "email": customer["email"],
                "role": customer.get("role", "Editor"),
                "destination": f"airflow://connection/{customer['name']}_polytomic",
            }
            for customer in get_current_context()["params"]["customers"]
        ]

    # At most 4 instances of each task run at the same time. No task has a trigger rule: a last task that runs despite
    # failures would mark the run as successful.
    @task_group(default_args={"max_active_tis_per_dag": 4})
    def onboard(organization_name: str, email: str, role: str, destination: str) -> None:
        organization = PolytomicCreateOrganizationOperator(task_id="create_organization", name=organization_name)
        user = PolytomicCreateUserOperator(
            task_id="create_user", org_id=organization.output["id"], user_email=email, roles=[role]
        )
        issue_api_key = PolytomicCreateApiKeyOperator(
            task_id="issue_api_key",
            org_id=organization.output["id"],
            user_id=user.output["id"],
            destination=destination,
            outlets=[api_keys_alias()],
        )

        @task(map_index_template="{{ task.op_kwargs['destination'] }}")
        def first_call(destination: str, server: str) -> dict[str, str | None]:
            from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

            me = PolytomicHook.for_destination(destination, server=server).get_identity()
            return {"id": me.id, "email": me.email, "organization_name": me.organization_name}

        first_call(destination=issue_api_key.output["destination"], server=issue_api_key.output["server"])

    onboard.expand_kwargs(customers())


polytomic_onboarding_many()
