"""The types of the public API as a user's type checker sees them.

`make lint` checks this module; nothing runs it. ``assert_type`` fails where a type changes or becomes ``Any``. A line
with ``type: ignore`` is a mistake that mypy must report: where it no longer does, it reports the unused comment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_type

from airflow.sdk import Asset, AssetAlias

from airflow_provider_polytomic.assets import API_KEYS, api_key_asset, api_keys_alias, new_keys
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    PolytomicAlreadyExistsError,
    PolytomicApiError,
    PolytomicConfigurationError,
    PolytomicError,
    SecretStoreConflictError,
    SecretStoreError,
)
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.models import Identity, Organization, Role, User
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
from airflow_provider_polytomic.secret_stores import Destination, SecretStore, StoredSecret, open_store
from airflow_provider_polytomic.secret_stores.extension import ABSENT, ClientCache, StoreScheme, build_identity
from airflow_provider_polytomic.testing import Fault, PolytomicEmulator, ReceivedRequest
from airflow_provider_polytomic.testing import User as EmulatedUser

ID, DESTINATION = "248df4b7-aa70-47b8-a036-33ac447e668d", "airflow://connection/acme"


def hook_methods(hook: PolytomicHook) -> None:
    """A hook returns models, and a key as a value whose string is hidden."""
    assert_type(PolytomicHook("acme", retry_for=10.0), PolytomicHook)
    assert_type(PolytomicHook.for_destination("airflow://variable/acme", server="polytomic_default"), PolytomicHook)
    assert_type(hook.base_url, str)
    assert_type(hook.get_identity(), Identity)
    assert_type(hook.test_connection(), tuple[bool, str])
    assert_type(hook.list_organizations(), list[Organization])
    assert_type(hook.get_organization(ID), Organization)
    assert_type(hook.create_organization("Acme", sso_domain="acme.example"), Organization)
    assert_type(hook.update_organization(ID, name="Acme Ltd"), Organization)
    assert_type(hook.list_users(ID), list[User])
    assert_type(hook.get_user(ID, ID), User)
    assert_type(hook.create_user(ID, "ada@acme.example", role_ids=[ID]), User)
    assert_type(hook.update_user(ID, ID, role_ids=[ID]), User)
    assert_type(hook.list_roles(ID), list[Role])
    assert_type(hook.create_role(ID, "Auditor"), Role)
    assert_type(hook.resolve_roles(ID, ["Viewer"]), tuple[str, ...])
    assert_type(hook.create_api_key(ID, ID, force=True, idempotency_key="acme-0001"), ApiKey)
    hook.delete_user(ID, ID)
    hook.delete_organization(ID)

    hook.create_api_key(ID, ID)  # type: ignore[call-arg]
    hook.create_api_key(ID, ID, True, idempotency_key="acme-0001")  # type: ignore[call-arg]
    hook.get_identity("a-key-as-text")  # type: ignore[arg-type]
    PolytomicHook(api_key_destination="airflow://variable/acme")  # type: ignore[call-arg]


def models(identity: Identity, organization: Organization, user: User, role: Role) -> None:
    """Optional fields can be None, and no field can be assigned."""
    assert_type(identity.is_partner, bool)
    assert_type(identity.describe(), str)
    assert_type(identity.organization_id, str | None)
    assert_type(organization.id, str)
    assert_type(organization.name, str | None)
    assert_type(user.email, str | None)
    assert_type(user.role_ids, tuple[str, ...])
    assert_type(role.system, bool | None)

    user.email.lower()  # type: ignore[union-attr]
    user.email = "ada@acme.example"  # type: ignore[misc]


def keys(key: ApiKey) -> None:
    """A key is not a string until it is revealed."""
    assert_type(key.reveal(), str)
    assert_type(key.fingerprint, str)
    assert_type(key.matches(ApiKey("another-key")), bool)

    _text: str = key  # type: ignore[assignment]
    key.matches("another-key")  # type: ignore[arg-type]


def errors(error: PolytomicError, api: PolytomicApiError, configuration: PolytomicConfigurationError) -> None:
    """Callers decide on classes and attributes."""
    assert_type(error.retryable, bool)
    assert_type(error.reason, str)
    assert_type(error.fields, tuple[str, ...])
    assert_type(api.status, int)
    assert_type(api.key, str | None)
    assert_type(api.server_message, str | None)
    assert_type(api.retry_after, float | None)
    assert_type(configuration.problem, str)
    assert_type(configuration.advice, str)
    _a_value_error: ValueError = configuration
    _bases: tuple[type[PolytomicError], ...] = (SecretStoreError, SecretStoreConflictError, IssuanceIncompleteError)
    _an_api_error: type[PolytomicApiError] = PolytomicAlreadyExistsError


def assets(context: dict[str, Any]) -> None:
    """An asset and an alias are Airflow's own classes."""
    assert_type(API_KEYS, str)
    assert_type(api_key_asset(DESTINATION), Asset)
    assert_type(api_keys_alias("eu"), AssetAlias)
    assert_type(new_keys(context), list[dict[str, Any]])


def operators() -> None:
    """Their own parameters are checked; those of BaseOperator go through ``**kwargs``."""
    organization = PolytomicCreateOrganizationOperator(task_id="a", name="Acme", if_exists="ignore")
    user = PolytomicCreateUserOperator(task_id="b", org_id=ID, user_email="ada@acme.example", roles=["Viewer"])
    customer = {"org_id": ID, "user_id": ID, "destination": DESTINATION}
    PolytomicCreateApiKeyOperator(
        task_id="c", org_id=ID, user_id=ID, destination=DESTINATION, force="{{ params.force }}", retries=3
    )
    rotate = PolytomicRotateApiKeyOperator(
        task_id="d",
        org_id=ID,
        user_id=ID,
        destination=DESTINATION,
        max_age=timedelta(days=7),
        standby_user_id=ID,
        outlets=[api_keys_alias()],
    )
    PolytomicBatchRotateApiKeysOperator(task_id="e", targets=[customer], max_age=3600, max_failures=3)
    PolytomicBatchRotateApiKeysOperator(task_id="e", targets="s3://aws@bucket/targets.csv", max_age=timedelta(days=7))
    PolytomicUpdateOrganizationOperator(task_id="f", org_id=ID, clear_settings=["sso_domain"])
    PolytomicUpdateUserOperator(task_id="g", org_id=ID, user_id=ID, roles="Viewer")
    PolytomicListUsersOperator(task_id="h", org_id="current")
    PolytomicDeleteUserOperator(task_id="i", org_id=ID, user_id=ID, expected_email="ada@acme.example")
    PolytomicDeleteStoredApiKeyOperator(task_id="j", destination=DESTINATION, allow_active_key=True)
    PolytomicDeleteOrganizationOperator(task_id="k", org_id=ID, expected_name="Acme")
    assert_type(organization, PolytomicCreateOrganizationOperator)
    assert_type(user, PolytomicCreateUserOperator)
    assert_type(rotate, PolytomicRotateApiKeyOperator)

    PolytomicCreateUserOperator(task_id="b", org_id=ID, email="ada@acme.example")  # type: ignore[call-arg]
    PolytomicCreateApiKeyOperator(task_id="c", org_id=ID, user_id=ID)  # type: ignore[call-arg]
    PolytomicRotateApiKeyOperator(task_id="d", org_id=ID, user_id=ID, destination=DESTINATION)  # type: ignore[call-arg]
    PolytomicBatchRotateApiKeysOperator(task_id="e", targets=[customer])  # type: ignore[call-arg]
    PolytomicDeleteOrganizationOperator(task_id="k", org_id=ID)  # type: ignore[call-arg]
    PolytomicRotateApiKeyOperator("d", ID)  # type: ignore[call-arg]


def destinations() -> None:
    """A destination is parsed into a value, and opens a store of keys."""
    assert_type(Destination.parse(DESTINATION).conn_id, str | None)
    store = open_store(DESTINATION, issuer="https://app.polytomic.com")
    assert_type(store.read(), StoredSecret)
    assert_type(store.read().value, ApiKey | None)
    assert_type(store.read_back(), ApiKey | None)
    store.write("a-key-as-text", store.read())  # type: ignore[arg-type]


def stores_of_other_packages(store: SecretStore, clients: ClientCache) -> None:
    """A scheme opens a store."""

    def open_secret(destination: Destination, *, issuer: str, clients: ClientCache) -> SecretStore:
        return store

    StoreScheme("acme://<conn_id>@/<name>", open=open_secret)
    assert_type(StoredSecret(None, ABSENT).value, ApiKey | None)
    assert_type(build_identity("acme", "name"), str)
    assert_type(clients.get("acme", "Acme", lambda: 7), int)

    StoreScheme("acme://<conn_id>@/<name>", open=lambda *_, **__: None)  # type: ignore[arg-type]
    StoredSecret("a-key-as-text", "v1")  # type: ignore[arg-type]


def emulator(server: PolytomicEmulator) -> None:
    """The emulator returns values, and accepts a fault as a string or a value."""
    with PolytomicEmulator() as entered:
        assert_type(entered, PolytomicEmulator)
    assert_type(server.base_url, str)
    assert_type(server.add_user(ID, "ada@acme.example"), EmulatedUser)
    assert_type(server.live_key(ID), str)
    assert_type(server.received("create_api_key"), list[ReceivedRequest])
    server.inject("drop endpoint=create_api_key")
    server.inject(Fault("drop"))
    server.inject(503)  # type: ignore[arg-type]
