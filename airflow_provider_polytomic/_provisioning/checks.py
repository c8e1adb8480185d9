"""Checks that an organization or a user is the expected one, and not the caller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic._support.text import lower_ascii
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

if TYPE_CHECKING:
    from airflow_provider_polytomic._provisioning.protocols import PolytomicApi
    from airflow_provider_polytomic.models import Organization, User

__all__ = ["check_email", "email_matches", "is_callers_organization", "require_text"]


def require_text(parameter: str, value: object) -> None:
    """Refuse a value that cannot be a name or an address, such as a template that rendered to nothing.

    :raises PolytomicConfigurationError: if it is not a string, is empty, or has spaces around it.
    """
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise PolytomicConfigurationError(
            f"{parameter} must be a string that is not empty and has no spaces around it.",
            reason="not_a_name",
            fields=(parameter,),
        )


def check_email(user: User, expected: str | None) -> None:
    """Refuse a user whose address is not the expected one.

    :param expected: the address, in any case; None accepts every user.
    :raises PolytomicConfigurationError: if the address differs; nothing was changed.
    """
    if expected is not None and not email_matches(user, expected):
        raise PolytomicConfigurationError(
            f"The user {user.id} is {user.email!r:.200}, not {expected!r:.200} as expected.",
            "Correct user_id or expected_email.",
            state="Nothing was changed.",
            reason="email_mismatch",
            fields=("user_id", "expected_email"),
        )


def email_matches(user: User, email: str) -> bool:
    """Whether the user has this address, in any case.

    Polytomic stores addresses in lower case (its Terraform provider, resource_user.go). Only A to Z are compared in any
    case: other characters can become the same letter.
    """
    return lower_ascii(user.email or "") == lower_ascii(email)


def is_callers_organization(polytomic: PolytomicApi, organization: Organization) -> bool:
    """Whether the caller's own key belongs to the organization.

    ``GET /api/me`` names that organization; otherwise it is the first one in the list (2025-09-18, organization).
    """
    own_id = polytomic.get_identity().organization_id
    if own_id is None:
        own_id = next((listed.id for listed in polytomic.list_organizations()), None)
    return own_id == organization.id
