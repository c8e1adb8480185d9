"""Offboard a customer: delete the user, then the stored API key, and on request the organization.

It needs the connection `polytomic_default` with a partner key.

Deleting the user revokes the user's API key. The stored key is deleted only after it is revoked, so a failure never
leaves a working key that is not stored. You can retry or clear each task: what is already deleted is not an error.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider_polytomic.operators.api_keys import PolytomicDeleteStoredApiKeyOperator
from airflow_provider_polytomic.operators.organizations import PolytomicDeleteOrganizationOperator
from airflow_provider_polytomic.operators.users import PolytomicDeleteUserOperator


@dag(
    doc_md=__doc__,
    schedule=None,
    params={
        "org_id": Param(type="string", format="uuid", title="Organization ID", description="UUID of the organization."),
        "organization": Param(
            type="string",
            title="Organization name",
            description="The organization is deleted only if it has exactly this name.",
        ),
        "user_id": Param(type="string", format="uuid", title="User ID", description="UUID of the user."),
        "email": Param(
            type="string",
            format="email",
            title="User e-mail",
            description="The user is deleted only if it has this e-mail address.",
        ),
        # Only these names: whoever may trigger this DAG could otherwise delete the key of any destination.
        "destination": Param(
            type="string",
            pattern=r"^airflow://(connection|variable)/[a-z0-9_]+_polytomic$",
            examples=["airflow://connection/acme_polytomic", "airflow://variable/acme_api_key_polytomic"],
            title="Destination",
            description="Where the key is stored, for example airflow://connection/acme_polytomic. "
            "The name ends in _polytomic.",
        ),
        "delete_organization": Param(
            default=False,
            type="boolean",
            title="Delete the organization",
            description="Also deletes its users, keys, connections and syncs. You cannot undo this.",
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
    def should_delete_organization() -> bool:
        return bool(get_current_context()["params"]["delete_organization"])

    delete_organization = PolytomicDeleteOrganizationOperator(
        task_id="delete_organization",
        org_id="{{ params.org_id }}",
        expected_name="{{ params.organization }}",
        ignore_if_missing=True,
    )
    delete_user >> delete_stored_api_key >> should_delete_organization() >> delete_organization


polytomic_offboarding()
