"""Check every day that customers can be onboarded: with a throwaway one, which goes again whatever happens.

Its names never change, so retries and clears find what earlier ones made, and should a run be ended before it has
cleaned up, the next one takes over what it left.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicDeleteStoredApiKeyOperator,
)
from airflow_provider_polytomic.operators.organizations import (
    PolytomicCreateOrganizationOperator,
    PolytomicDeleteOrganizationOperator,
)
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator, PolytomicDeleteUserOperator

# Deleted by every run: each deployment of Airflow has one of its own, whose name nothing else has.
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
        task_id="create_user", org_id=create_organization.output["id"], user_email=EMAIL, roles=["Viewer"]
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

        return PolytomicHook.for_destination(DESTINATION).get_identity().organization_name

    delete_user = PolytomicDeleteUserOperator(
        task_id="delete_user",
        org_id=create_user.output["org_id"],  # as of its own setup: without a user it does not run
        user_id=create_user.output["id"],
        expected_email=EMAIL,
        ignore_if_missing=True,
    )
    delete_stored_api_key = PolytomicDeleteStoredApiKeyOperator(
        task_id="delete_stored_api_key", destination=DESTINATION
    )
    delete_organization = PolytomicDeleteOrganizationOperator(
        task_id="delete_organization",
        org_id=create_organization.output["id"],
        expected_name=ORGANIZATION,
        ignore_if_missing=True,
    )

    @task
    def report() -> None:
        """Succeed if all did."""

    called = call_polytomic()
    # The key dies with the user, and only a dead one is removed, while the organization can still be asked about.
    create_organization >> create_user >> issue_api_key >> called
    called >> delete_user >> delete_stored_api_key >> delete_organization
    delete_user.as_teardown(setups=create_user)
    # Also after an issuance that failed, since it may have stored the key.
    delete_stored_api_key.as_teardown(setups=[create_user, issue_api_key])
    delete_organization.as_teardown(setups=create_organization)
    # A run's state is that of its last tasks. To Airflow a teardown is one only with on_failure_fail_dagrun, and what
    # comes right before such a one no longer is: not all of a chain can be. So an ordinary task comes after all of it.
    [called, delete_user, delete_stored_api_key, delete_organization] >> report()


polytomic_self_check()
