"""Which operators ask something of Polytomic besides issuing a key, and with what does each of them work on a scene?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.operators.organizations import (
    PolytomicCreateOrganizationOperator,
    PolytomicDeleteOrganizationOperator,
    PolytomicUpdateOrganizationOperator,
)
from airflow_provider_polytomic.operators.users import (
    PolytomicCreateUserOperator,
    PolytomicDeleteUserOperator,
    PolytomicListUsersOperator,
    PolytomicUpdateUserOperator,
)

if TYPE_CHECKING:
    from airflow_provider_polytomic.operators.base import PolytomicOperator
    from tests.scene import Scene

__all__ = ["ENDPOINTS", "OPERATORS", "made"]

OPERATORS: tuple[type[PolytomicOperator], ...] = (
    PolytomicCreateOrganizationOperator,
    PolytomicUpdateOrganizationOperator,
    PolytomicDeleteOrganizationOperator,
    PolytomicCreateUserOperator,
    PolytomicUpdateUserOperator,
    PolytomicDeleteUserOperator,
    PolytomicListUsersOperator,
)
# The request by which each of them does its one thing.
ENDPOINTS: dict[type[PolytomicOperator], str] = {
    PolytomicCreateOrganizationOperator: "create_organization",
    PolytomicUpdateOrganizationOperator: "update_organization",
    PolytomicDeleteOrganizationOperator: "delete_organization",
    PolytomicCreateUserOperator: "create_user",
    PolytomicUpdateUserOperator: "update_user",
    PolytomicDeleteUserOperator: "delete_user",
    PolytomicListUsersOperator: "list_users",
}


def made(kind: type[PolytomicOperator], scene: Scene, **given: Any) -> PolytomicOperator:
    """Make an operator that has something to do."""
    org, user = {"org_id": scene.ids["org_id"]}, scene.ids
    defaults: dict[type[PolytomicOperator], dict[str, Any]] = {
        PolytomicCreateOrganizationOperator: {"name": "Globex"},
        PolytomicUpdateOrganizationOperator: {**org, "name": "Acme 2"},
        PolytomicDeleteOrganizationOperator: {**org, "expected_name": "Acme"},
        PolytomicCreateUserOperator: {**org, "user_email": "bob@acme.example"},
        PolytomicUpdateUserOperator: {**user, "roles": ["Viewer"]},
        # Without it, a second try would not know whether the first one removed the user.
        PolytomicDeleteUserOperator: {**user, "expected_email": "ada@acme.example"},
        PolytomicListUsersOperator: org,
    }
    return kind(**{"task_id": "task", "retry_for": 1.0, **defaults[kind], **given})
