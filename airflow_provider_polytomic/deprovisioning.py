"""How does a user or an organization go for good? Only the one that was meant, and never the caller's own.

Nothing here knows Airflow.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicNotFoundError
from airflow_provider_polytomic.provisioning import check_email, check_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.models import Organization, User

__all__ = ["remove_organization", "remove_user"]

log = logging.getLogger(__name__)

T = TypeVar("T")


def remove_user(
    hook: PolytomicHook, org_id: str, user_id: str, *, expected_email: str | None, ignore_if_missing: bool
) -> User | None:
    """Remove a user, whose keys die with it; None if there was none.

    :param expected_email: what the user's address must be, in any case; None for any.
    :raises PolytomicConfigurationError: if it is another user's id, or the caller's own; nothing was removed.
    :raises PolytomicNotFoundError: if there is no such user, unless that is to be ignored.
    """
    if expected_email is not None:
        check_name("expected_email", expected_email)
    user = _unless_missing(lambda: hook.get_user(org_id, user_id), ignore_if_missing)
    if user is None:
        return None
    check_email(user, expected_email)
    if hook.get_identity().id == user.id:
        raise PolytomicConfigurationError(
            f"{user.email} is the user whose key the connection holds; removing it would lock this DAG out. Nothing "
            "was removed. Use another connection, or another user."
        )
    log.info("Removing the user %s (%s) for good; all of its API keys stop working.", user.email, user.id)
    _unless_missing(lambda: hook.delete_user(org_id, user.id), ignore_if_missing)
    return user


def remove_organization(
    hook: PolytomicHook, org_id: str, *, expected_name: str, ignore_if_missing: bool
) -> Organization | None:
    """Delete an organization with all that is in it; None if there was none.

    :param expected_name: what its name must be, exactly.
    :raises PolytomicConfigurationError: if it is another one, or the caller's own; nothing was deleted.
    :raises PolytomicNotFoundError: if there is no such organization, unless that is to be ignored.
    """
    check_name("expected_name", expected_name)
    organization = _unless_missing(lambda: hook.get_organization(org_id), ignore_if_missing)
    if organization is None:
        return None
    if organization.name != expected_name:
        raise PolytomicConfigurationError(
            f"The organization {org_id} is {organization.name!r:.200}, not {expected_name!r:.200} as expected. Nothing "
            "was deleted. Correct the id or the expectation."
        )
    if hook.get_identity().organization_id == organization.id:
        raise PolytomicConfigurationError(
            f"{expected_name!r:.200} is the organization that the connection's key itself belongs to. Nothing was "
            "deleted. Name a customer's organization."
        )
    log.info(
        "Deleting the organization %r (%s) for good, with all of its users, keys, connections and syncs.",
        organization.name,
        organization.id,
    )
    _unless_missing(lambda: hook.delete_organization(organization.id), ignore_if_missing)
    return organization


def _unless_missing(act: Callable[[], T], ignore: bool) -> T | None:  # noqa: FBT001 (named where it is called)
    try:
        return act()
    except PolytomicNotFoundError as error:
        # Only Polytomic knows that something is not there; a proxy's page says nothing of it.
        if not (ignore and error.own_words):
            raise
    return None
