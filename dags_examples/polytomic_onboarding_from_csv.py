"""Onboard the customers that a CSV file lists. A mapped task group handles each row.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend for the keys
- a CSV file with the columns `organization`, `email`, `roles` and `destination`:

      organization,email,roles,destination
      Acme,ada@acme.example,Admin; Viewer,airflow://connection/acme_polytomic
      Globex,hank@globex.example,,airflow://connection/globex_polytomic

A semicolon separates two roles. If the cell `roles` is empty, the user gets `DEFAULT_ROLES`. You can add rows to the
file and run the DAG again: customers that exist are not created a second time.
"""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task, task_group

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.operators.organizations import PolytomicCreateOrganizationOperator
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator

DEFAULT_ROLES = ["Editor"]
# Only files of this folder: a file says which destinations are written, so whoever may trigger this DAG could otherwise
# write to any of them.
FOLDER = "file:///opt/airflow/"


@dag(
    doc_md=__doc__,
    schedule=None,
    params={
        "file": Param(
            f"{FOLDER}customers.csv",
            type="string",
            pattern=rf"^{FOLDER}[\w.-]+\.csv$",
            title="CSV file",
            description=f"URI of the file, in {FOLDER}.",
        ),
    },
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_onboarding_from_csv() -> None:
    @task
    def customers() -> list[dict[str, Any]]:
        from airflow.sdk import ObjectStoragePath

        # utf-8-sig: Excel writes a byte order mark at the start of the file.
        text = ObjectStoragePath(get_current_context()["params"]["file"]).read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(text.splitlines(), strict=True))
        if wrong := [number for number, row in enumerate(rows, start=1) if None in row or None in row.values()]:
            raise ValueError(f"These rows do not have as many cells as the header: {wrong}. No customer was onboarded.")
        return [
            {
                "name": row["organization"].strip(),
                "email": row["email"].strip(),
                "roles": [role.strip() for role in row["roles"].split(";") if role.strip()] or DEFAULT_ROLES,
                "destination": row["destination"].strip(),
            }
            for row in rows
        ]

    # At most 4 instances of each task run at the same time.
    @task_group(default_args={"max_active_tis_per_dag": 4})
    def onboard(name: str, email: str, roles: list[str], destination: str) -> None:
        organization = PolytomicCreateOrganizationOperator(task_id="create_organization", name=name)
        user = PolytomicCreateUserOperator(
            task_id="create_user", org_id=organization.output["id"], user_email=email, roles=roles
        )
        PolytomicCreateApiKeyOperator(
            task_id="issue_api_key",
            org_id=organization.output["id"],
            user_id=user.output["id"],
            destination=destination,
            outlets=[api_keys_alias()],
        )

    onboard.expand_kwargs(customers())


polytomic_onboarding_from_csv()
