"""Every operator of the package, with parameters that give it something to do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicDeleteStoredApiKeyOperator,
    PolytomicRotateApiKeyOperator,
)
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator
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
from tests.fixtures import CONNECTION

if TYPE_CHECKING:
    from airflow_provider_polytomic.operators._base import PolytomicOperator

    Kind = type[PolytomicOperator]

__all__ = ["ALL", "ENDPOINTS", "KEYS", "LISTS", "made"]

# The request by which each operator takes effect.
ENDPOINTS: dict[Kind, str] = {
    PolytomicCreateOrganizationOperator: "create_organization",
    PolytomicUpdateOrganizationOperator: "update_organization",
    PolytomicDeleteOrganizationOperator: "delete_organization",
    PolytomicCreateUserOperator: "create_user",
    PolytomicUpdateUserOperator: "update_user",
    PolytomicDeleteUserOperator: "delete_user",
    PolytomicListUsersOperator: "list_users",
    PolytomicCreateApiKeyOperator: "create_api_key",
    PolytomicRotateApiKeyOperator: "create_api_key",
}
# Operators that issue keys.
KEYS: tuple[Kind, ...] = (
    PolytomicCreateApiKeyOperator,
    PolytomicRotateApiKeyOperator,
    PolytomicBatchRotateApiKeysOperator,
)
# Operators whose result is not pushed field by field.
LISTS: tuple[Kind, ...] = (PolytomicListUsersOperator, PolytomicBatchRotateApiKeysOperator)
ALL: tuple[Kind, ...] = (*ENDPOINTS, PolytomicDeleteStoredApiKeyOperator, PolytomicBatchRotateApiKeysOperator)


def made(kind: Kind, ids: dict[str, str], **given: Any) -> PolytomicOperator:
    """Return an operator that has something to do.

    :param ids: ids of the organization and its user.
    """
    org = {"org_id": ids["org_id"]}
    key = {**ids, "destination": CONNECTION}
    defaults: dict[Kind, dict[str, Any]] = {
        PolytomicCreateOrganizationOperator: {"name": "Globex"},
        PolytomicUpdateOrganizationOperator: {**org, "name": "Acme 2"},
        PolytomicDeleteOrganizationOperator: {**org, "expected_name": "Acme"},
        PolytomicCreateUserOperator: {**org, "user_email": "bob@acme.example"},
        PolytomicUpdateUserOperator: {**ids, "roles": ["Viewer"]},
        # Without it, a second try could not know whether the first one deleted the user.
        PolytomicDeleteUserOperator: {**ids, "expected_email": "ada@acme.example"},
        PolytomicListUsersOperator: org,
        PolytomicCreateApiKeyOperator: key,
        PolytomicRotateApiKeyOperator: {**key, "max_age": timedelta(days=7)},
        PolytomicDeleteStoredApiKeyOperator: {"destination": CONNECTION},
        PolytomicBatchRotateApiKeysOperator: {"targets": [key], "max_age": timedelta(days=7)},
    }
    return kind(**{"task_id": "task", **defaults[kind], **given})
