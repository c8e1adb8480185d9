"""Onboard a customer: an organization, a user in it, the user's API key where Airflow reads its secrets, a first call.

Each task looks for what exists before it makes anything, so the run ends in the same state however often a task is
retried or cleared. Trigger it from the form, or in a shell::

    airflow dags trigger polytomic_onboarding --conf \
        '{"organization": "Acme", "email": "ada@acme.example", "destination": "airflow://connection/acme_polytomic"}'
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.operators.organizations import PolytomicCreateOrganizationOperator
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator


@dag(
    schedule=None,
    params={
        "organization": Param(
            type="string",
            pattern=r"^\S(.*\S)?$",
            title="Organization",
            description="The customer's name. An organization of this very name is used if there is one.",
        ),
        "email": Param(
            type="string",
            format="email",
            title="E-mail",
            description="Of the user whose key is issued. A new user gets one invitation.",
        ),
        "role": Param(
            "Editor",
            type="string",
            enum=["Admin", "Editor", "Sync Editor", "Viewer"],
            title="Role",
            description="What the user, and so the key, may do.",
        ),
        "destination": Param(
            type="string",
            pattern=r"^[a-z-]+://\S+$",
            examples=["airflow://connection/acme_polytomic", "airflow://variable/acme_polytomic"],
            title="Where the key goes",
            description="Such as airflow://connection/acme_polytomic; one for each customer.",
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
