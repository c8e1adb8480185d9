"""Check every day that onboarding works: onboard a test customer, call Polytomic with its key, and delete it again.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the key
- a name for the test organization that nothing else uses: **each run deletes the organization with this name**

Change the three constants in the DAG file. Use a different organization name for each Airflow deployment, and your own
e-mail address, which receives one invitation from each run. If a run is killed before it cleans up, the next run reuses
and deletes what is left.
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

# Each run deletes this organization. Use a name that nothing else uses, and a different one for each Airflow.
ORGANIZATION = "Self-check of our Airflow"
EMAIL = "polytomic-self-check@example.com"  # receives one invitation from each run
DESTINATION = "airflow://connection/polytomic_self_check"


@dag(
    doc_md=__doc__,
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
        take_over=True,  # the destination may hold the key of an earlier run, which belongs to another user
    )

    @task
    def call_polytomic() -> str | None:
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        return PolytomicHook.for_destination(DESTINATION).get_identity().organization_name

    delete_user = PolytomicDeleteUserOperator(
        task_id="delete_user",
        org_id=create_user.output["org_id"],  # from its own setup task, so it runs only if there is a user
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
        """Succeed if all other tasks succeed."""

    called = call_polytomic()
    # Deleting the user revokes the key. The stored key is deleted after that, and before the organization, because the
    # operator asks Polytomic about the organization of the key.
    create_organization >> create_user >> issue_api_key >> called
    called >> delete_user >> delete_stored_api_key >> delete_organization
    delete_user.as_teardown(setups=create_user)
    # This task also runs after a failed issuance, which may have stored the key.
    delete_stored_api_key.as_teardown(setups=[create_user, issue_api_key])
    delete_organization.as_teardown(setups=create_organization)
    # The state of a run is that of its last tasks. Airflow ignores a teardown there unless it sets
    # on_failure_fail_dagrun, and in a chain of teardowns only the last one can count. So a normal task comes last.
    [called, delete_user, delete_stored_api_key, delete_organization] >> report()


polytomic_self_check()
