"""Models of Polytomic's responses: the API's field names; unknown fields are ignored, nulls accepted.

Source of the fields: the official SDK ``polytomic`` 25.9.10 (``types/``) and the API reference of version 2025-09-18,
where every field of a response is optional.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from airflow_provider_polytomic._support.ids import is_uuid
from airflow_provider_polytomic._support.text import one_line

__all__ = ["Identity", "Organization", "Role", "User"]


class _Response(BaseModel):
    # A validation error must not quote its input: a response can contain a secret in an unexpected place.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _uuid(value: str) -> str:
    # Ids become part of paths, logs and messages.
    if not is_uuid(value):
        raise ValueError("not a UUID")
    return value.lower()


_Id = Annotated[str, AfterValidator(_uuid)]


class Identity(_Response):
    """Owner of a key: ``GET /api/me``.

    :param id: UUID of the user; None unless it is a user's key.
    :param organization_id: UUID of the organization that the key acts in; None for a partner key alone.
    """

    id: str | None = None
    email: str | None = None
    is_user: bool = False
    is_organization: bool = False
    is_partner: bool = False
    is_system: bool = False
    organization_id: str | None = None
    organization_name: str | None = None

    def describe(self) -> str:
        """Return the kind of the key, its owner, and whether it can issue keys, for people."""
        organization = one_line(self.organization_name or self.organization_id or "", 100)
        owner = f" of {organization}" if organization else ""
        cannot = "cannot issue keys. Use a partner key for that."
        if self.is_partner:
            return f"Partner key{owner}; can issue keys."
        if self.is_user:
            user = one_line(self.email or self.id or "an unnamed user", 100)
            return f"User key of {user}{f' in {organization}' if organization else ''}; {cannot}"
        if self.is_organization:
            return f"Organization key{owner}; {cannot}"
        key_type = "System key" if self.is_system else "Key of an unknown type"
        return f"{key_type}{owner}; whether it can issue keys is not documented."

    @field_validator("id", "organization_id")
    @classmethod
    def _canonical(cls, value: str | None) -> str | None:
        return value.lower() if value is not None else None

    @field_validator("is_user", "is_organization", "is_partner", "is_system", mode="before")
    @classmethod
    def _null_is_false(cls, value: object) -> object:
        return False if value is None else value


class Organization(_Response):
    """Organization: ``/api/organizations``."""

    id: _Id
    name: str | None = None
    issuer: str | None = None
    sso_domain: str | None = None
    sso_org_id: str | None = None


class Role(_Response):
    """Role of an organization, or a predefined one: ``/api/permissions/roles``."""

    id: _Id
    name: str | None = None
    organization_id: str | None = None
    system: bool | None = None


class User(_Response):
    """User of an organization: ``/api/organizations/{org_id}/users``.

    :param role_ids: UUIDs of the user's roles; empty if the server returns null.
    """

    id: _Id
    email: str | None = None
    organization_id: str | None = None
    role_ids: tuple[str, ...] = Field(default=())

    @field_validator("role_ids", mode="before")
    @classmethod
    def _null_is_empty(cls, value: object) -> object:
        return () if value is None else value
