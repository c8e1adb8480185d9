"""Onboard a customer: create an organization and a user, issue the user's API key, and make a first call with it.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the key

Each task first checks what exists, so you can retry or clear any task. If your organizations have their own roles, add
them to the parameter `role` in the DAG file. Trigger the DAG from its form or in a shell:

    airflow dags trigger polytomic_onboarding --conf '{"organization": "...", "email": "...", "destination": "..."}'
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.operators.organizations import PolytomicCreateOrganizationOperator
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator


@dag(
    doc_md=__doc__,
    schedule=None,
    params={
        "organization": Param(
            type="string",
            pattern=r"^\S(.*\S)?$",
            title="Organization",
            description="The customer's name. An existing organization with exactly this name is reused.",
        ),
        "email": Param(
            type="string",
            format="email",
            title="E-mail",
            description="E-mail address of the owner of the key. Polytomic sends a new user one invitation.",
        ),
        "role": Param(
            "Editor",
            type="string",
            enum=["Admin", "Editor", "Sync Editor", "Viewer"],
            title="Role",
            description="The role of the user. It determines what the key can do.",
        ),
        # Only these names: whoever may trigger this DAG could otherwise write to any destination.
        "destination": Param(
            type="string",
            pattern=r"^airflow://(connection|variable)/[a-z0-9_]+_polytomic$",
            examples=["airflow://connection/acme_polytomic", "airflow://variable/acme_api_key_polytomic"],
            title="Destination",
            description="Where the key is stored, for example airflow://connection/acme_polytomic. "
            "The name ends in _polytomic. Use one destination for each customer.",
        ),
    },
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_onboarding() -> None:
    organization = PolytomicCreateOrganizationOperator(task_id="create_organization", name="{{ params.organization }}")
    user = PolytomicCreateUserOperator(
        task_id="create_user",
        org_id=organization.output["id"],
        user_email="{{ params.email }}",
        roles=["{{ params.role }}"],
    )
    issue_api_key = PolytomicCreateApiKeyOperator(
        task_id="issue_api_key",
        org_id=organization.output["id"],
        user_id=user.output["id"],
        destination="{{ params.destination }}",
        outlets=[api_keys_alias()],
    )

    @task
    def first_call(destination: str, server: str) -> dict[str, str | None]:
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        me = PolytomicHook.for_destination(destination, server=server).get_identity()
        return {"id": me.id, "email": me.email, "organization_name": me.organization_name}

    first_call(issue_api_key.output["destination"], issue_api_key.output["server"])


polytomic_onboarding()
