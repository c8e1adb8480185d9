"""What provisioning needs of Polytomic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.models import Identity, Organization, User

__all__ = ["PolytomicApi"]


class PolytomicApi(Protocol):
    """What provisioning needs of Polytomic; :class:`~airflow_provider_polytomic.hooks.polytomic.PolytomicHook` has it.

    The hook documents each method.
    """

    def get_identity(self) -> Identity: ...

    def list_organizations(self) -> list[Organization]: ...

    def get_organization(self, org_id: str) -> Organization: ...

    def create_organization(
        self,
        name: str,
        *,
        sso_domain: str | None = None,
        sso_org_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Organization: ...

    def delete_organization(self, org_id: str) -> None: ...

    def list_users(self, org_id: str) -> list[User]: ...

    def get_user(self, org_id: str, user_id: str) -> User: ...

    def create_user(
        self, org_id: str, email: str, role_ids: Sequence[str] = (), *, idempotency_key: str | None = None
    ) -> User: ...

    def update_user(self, org_id: str, user_id: str, *, role_ids: Sequence[str], email: str | None = None) -> User: ...

    def delete_user(self, org_id: str, user_id: str) -> None: ...

    def resolve_roles(self, org_id: str, roles: Sequence[str]) -> tuple[str, ...]: ...
