"""Check every day that customers can be onboarded: with a throwaway one, which goes again whatever happens.

Its names never change, so retries and clears find what earlier ones made, and should a run be ended before it has
cleaned up, the next one takes over what it left.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicDeleteStoredApiKeyOperator,
)
from airflow_provider_polytomic.operators.organizations import (
    PolytomicCreateOrganizationOperator,
    PolytomicDeleteOrganizationOperator,
)
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator

ORGANIZATION = "Self-check of our Airflow"
EMAIL = "polytomic-self-check@example.com"  # gets an invitation from each run
DESTINATION = "airflow://connection/polytomic_self_check"


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_self_check() -> None:
    create_organization = PolytomicCreateOrganizationOperator(task_id="create_organization", name=ORGANIZATION)
    create_user = PolytomicCreateUserOperator(
        task_id="create_user", org_id=create_organization.output["id"], email=EMAIL, roles=["Viewer"]
    )
    issue_api_key = PolytomicCreateApiKeyOperator(
        task_id="issue_api_key",
        org_id=create_organization.output["id"],
        user_id=create_user.output["id"],
        destination=DESTINATION,
        take_over=True,  # of a run that was ended, whose user is another one
    )

    @task
    def call_polytomic() -> str | None:
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return PolytomicHook(api_key_destination=DESTINATION).get_identity().organization_name

    delete_organization = PolytomicDeleteOrganizationOperator(
        task_id="delete_organization",
        org_id=create_organization.output["id"],
        expected_name=ORGANIZATION,
        ignore_if_missing=True,
    )
    delete_stored_api_key = PolytomicDeleteStoredApiKeyOperator(
        task_id="delete_stored_api_key", destination=DESTINATION
    )

    # The user and the key die with the organization; until then the stored key works, and stays.
    create_organization >> create_user >> issue_api_key >> call_polytomic() >> delete_organization
    delete_organization >> delete_stored_api_key
    delete_organization.as_teardown(setups=create_organization)
    # Also after an issuance that failed, since it may have stored the key. That the run fails with a teardown is said
    # of this one alone: right before such a one, Airflow would no longer count whether the call failed.
    delete_stored_api_key.as_teardown(setups=[create_user, issue_api_key], on_failure_fail_dagrun=True)


polytomic_self_check()
