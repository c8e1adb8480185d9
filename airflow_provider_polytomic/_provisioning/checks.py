"""Is this the organization or the user that was meant? And is it not the caller's own?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic._support.text import lower_ascii
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

if TYPE_CHECKING:
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.models import Organization, User

__all__ = ["check_email", "email_matches", "is_callers_organization", "require_text"]


def require_text(parameter: str, value: object) -> None:
    """Refuse what cannot be a name or an address: rendering may have left nothing of it.

    :raises PolytomicConfigurationError: if it is empty, or has blanks around it; nothing was sent.
    """
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise PolytomicConfigurationError(
            f"{parameter} must be a string that is not empty and has no blanks around it.",
            reason="not_a_name",
            fields=(parameter,),
        )


def check_email(user: User, expected: str | None) -> None:
    """Refuse a user who has another address than expected; None expects nothing.

    :raises PolytomicConfigurationError: if so; nothing was changed.
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

    Polytomic keeps addresses in lower case (its Terraform provider, resource_user.go). Only A to Z are compared so:
    other characters can become the same letter.
    """
    return lower_ascii(user.email or "") == lower_ascii(email)


def is_callers_organization(hook: PolytomicHook, organization: Organization) -> bool:
    """Whether it is the organization that the caller's own key belongs to.

    ``GET /api/me`` tells, or else the list of organizations, which begins with the partner's own (2025-09-18).
    """
    own = hook.get_identity().organization_id
    if own is None:
        own = next((each.id for each in hook.list_organizations()), None)
    return own == organization.id
