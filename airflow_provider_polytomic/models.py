"""What Polytomic's answers mean, as values: API field names, unknown fields ignored, nulls tolerated.

Source of the fields: the official SDK ``polytomic`` 25.9.10 (``types/``) and the API reference of version 2025-09-18,
where every field of an answer is optional.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from airflow_provider_polytomic._support.ids import is_uuid

__all__ = ["Identity", "Organization", "Role", "User"]


class _Answer(BaseModel):
    # A validation error must not quote its input: an answer can hold a secret where none is expected.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _uuid(value: str) -> str:
    # Ids go into paths, logs and messages.
    if not is_uuid(value):
        raise ValueError("not a UUID")
    return value.lower()


_Id = Annotated[str, AfterValidator(_uuid)]


class Identity(_Answer):
    """Who a key belongs to: ``GET /api/me``.

    :param id: UUID of the user; absent for keys that are not a user's.
    :param organization_id: UUID of the organization that the key acts in; absent for a bare partner key.
    """

    id: str | None = None
    email: str | None = None
    is_user: bool = False
    is_organization: bool = False
    is_partner: bool = False
    is_system: bool = False
    organization_id: str | None = None
    organization_name: str | None = None

    @field_validator("id", "organization_id")
    @classmethod
    def _canonical(cls, value: str | None) -> str | None:
        return value.lower() if value is not None else None

    @field_validator("is_user", "is_organization", "is_partner", "is_system", mode="before")
    @classmethod
    def _null_is_false(cls, value: object) -> object:
        return False if value is None else value


class Organization(_Answer):
    """An organization: ``/api/organizations``."""

    id: _Id
    name: str | None = None
    issuer: str | None = None
    sso_domain: str | None = None
    sso_org_id: str | None = None


class Role(_Answer):
    """A role of an organization, or one of Polytomic's own: ``/api/permissions/roles``."""

    id: _Id
    name: str | None = None
    organization_id: str | None = None
    system: bool | None = None


class User(_Answer):
    """A user of an organization: ``/api/organizations/{org_id}/users``.

    :param role_ids: UUIDs of the user's roles; empty where the server says null.
    """

    id: _Id
    email: str | None = None
    organization_id: str | None = None
    role_ids: tuple[str, ...] = Field(default=())

    @field_validator("role_ids", mode="before")
    @classmethod
    def _null_is_empty(cls, value: object) -> object:
        return () if value is None else value
