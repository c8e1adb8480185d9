"""Offboard a customer: the user goes, whose key dies with it, then the stored key, then on request the organization.

In this order a failure half-way never leaves a live key that nobody knows of: while the key works it is stored, and a
key that works is not removed. What is gone already is no error, so a run ends in the same state however often a task
is retried or cleared.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider_polytomic.operators.api_keys import PolytomicDeleteStoredApiKeyOperator
from airflow_provider_polytomic.operators.organizations import PolytomicDeleteOrganizationOperator
from airflow_provider_polytomic.operators.users import PolytomicDeleteUserOperator


@dag(
    schedule=None,
    params={
        "org_id": Param(type="string", format="uuid", title="Organization id"),
        "organization": Param(
            type="string",
            title="Its name",
            description="If it has another one, it is not deleted.",
        ),
        "user_id": Param(type="string", format="uuid", title="User id"),
        "email": Param(
            type="string",
            format="email",
            title="The user's e-mail",
            description="If the user has another one, nothing is removed.",
        ),
        "destination": Param(
            type="string",
            pattern=r"^[a-z-]+://\S+$",
            examples=["airflow://connection/acme_polytomic", "airflow://variable/acme_polytomic"],
            title="Where the key is",
            description="Such as airflow://connection/acme_polytomic; one for each customer.",
        ),
        "delete_organization": Param(
            default=False,
            type="boolean",
            title="Delete the organization too",
            description="With all of its users, keys, connections and syncs, for good.",
        ),
    },
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_offboarding() -> None:
    delete_user = PolytomicDeleteUserOperator(
        task_id="delete_user",
        org_id="{{ params.org_id }}",
        user_id="{{ params.user_id }}",
        expected_email="{{ params.email }}",
        ignore_if_missing=True,
    )
    delete_stored_api_key = PolytomicDeleteStoredApiKeyOperator(
        task_id="delete_stored_api_key", destination="{{ params.destination }}"
    )

    @task.short_circuit
    def is_organization_to_go() -> bool:
        return bool(get_current_context()["params"]["delete_organization"])

    delete_organization = PolytomicDeleteOrganizationOperator(
        task_id="delete_organization",
        org_id="{{ params.org_id }}",
        expected_name="{{ params.organization }}",
        ignore_if_missing=True,
    )
    delete_user >> delete_stored_api_key >> is_organization_to_go() >> delete_organization


polytomic_offboarding()
