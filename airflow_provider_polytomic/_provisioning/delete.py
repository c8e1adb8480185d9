"""How does a user or an organization go for good? Only the one that was meant, and never the caller's own.

Nothing here knows Airflow.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_polytomic._provisioning.checks import (
    check_email,
    email_matches,
    is_callers_organization,
    require_text,
)
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicNotFoundError,
    PolytomicTaskStoppedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.models import Organization, User

__all__ = ["remove_organization", "remove_user"]

log = logging.getLogger(__name__)

T = TypeVar("T")


def remove_user(
    hook: PolytomicHook,
    org_id: str,
    user_id: str,
    *,
    expected_email: str | None,
    ignore_if_missing: bool,
    stopping: Callable[[], bool] = lambda: False,
) -> User | None:
    """Remove a user, whose keys die with it; None if there was none.

    :param expected_email: what the user's address must be, in any case; None for any.
    :param ignore_if_missing: None is an answer; but not while another user has that address.
    :param stopping: looked at right before the user is removed.
    :raises PolytomicConfigurationError: if it is another user's id, or the caller's own; nothing was removed.
    :raises PolytomicNotFoundError: if there is no such user, unless that is to be ignored.
    :raises PolytomicTaskStoppedError: if the task was told to end; nothing was removed.
    """
    if expected_email is not None:
        require_text("expected_email", expected_email)
    user = _unless_missing(lambda: hook.get_user(org_id, user_id), ignore_if_missing)
    if user is None:
        _check_that_no_user_is_meant(hook, org_id, user_id, expected_email)
        return None
    check_email(user, expected_email)
    if hook.get_identity().id == user.id:
        raise PolytomicConfigurationError(
            f"{user.email!r:.200} is the user whose key the connection holds; removing it would lock this DAG out.",
            "Use another connection, or another user.",
            state="Nothing was removed.",
            reason="own_user",
            fields=("user_id",),
        )
    _check_that_nobody_stops(stopping, f"The user {user.email!r:.200} ({user.id})")
    log.info("Removing the user %r (%s) for good; all of its API keys stop working.", user.email, user.id)
    _unless_missing(lambda: hook.delete_user(org_id, user_id), ignore_if_missing)
    return user


def remove_organization(
    hook: PolytomicHook,
    org_id: str,
    *,
    expected_name: str,
    ignore_if_missing: bool,
    stopping: Callable[[], bool] = lambda: False,
) -> Organization | None:
    """Delete an organization with all that is in it; None if there was none.

    :param expected_name: what its name must be, exactly.
    :param ignore_if_missing: None is an answer; but not while another organization has that name.
    :param stopping: looked at right before the organization is deleted.
    :raises PolytomicConfigurationError: if it is another one, or the caller's own; nothing was deleted.
    :raises PolytomicNotFoundError: if there is no such organization, unless that is to be ignored.
    :raises PolytomicTaskStoppedError: if the task was told to end; nothing was deleted.
    """
    require_text("expected_name", expected_name)
    organization = _unless_missing(lambda: hook.get_organization(org_id), ignore_if_missing)
    if organization is None:
        if named := next((each for each in hook.list_organizations() if each.name == expected_name), None):
            raise _other_meant(f"organization {org_id}", f"{expected_name!r:.200} is {named.id}", "org_id")
        return None
    if organization.name != expected_name:
        raise PolytomicConfigurationError(
            f"The organization {org_id} is {organization.name!r:.200}, not {expected_name!r:.200} as expected.",
            "Correct org_id or expected_name.",
            state="Nothing was deleted.",
            reason="name_mismatch",
            fields=("org_id", "expected_name"),
        )
    if is_callers_organization(hook, organization):
        raise PolytomicConfigurationError(
            f"{expected_name!r:.200} is the organization that the connection's key itself belongs to.",
            "Name a customer's organization.",
            state="Nothing was deleted.",
            reason="own_organization",
            fields=("org_id",),
        )
    _check_that_nobody_stops(stopping, f"The organization {expected_name!r:.200} ({organization.id})")
    log.info(
        "Deleting the organization %r (%s) for good, with all of its users, keys, connections and syncs.",
        organization.name,
        organization.id,
    )
    _unless_missing(lambda: hook.delete_organization(org_id), ignore_if_missing)
    return organization


def _check_that_no_user_is_meant(hook: PolytomicHook, org_id: str, user_id: str, email: str | None) -> None:
    """Refuse a mistyped id: the one who has the address would live on, with a key that works."""
    users = _unless_missing(lambda: hook.list_users(org_id), True) if email is not None else None  # noqa: FBT003 (gone)
    if named := next((user for user in users or () if email_matches(user, email or "")), None):
        raise _other_meant(f"user {user_id}", f"{named.email!r:.200} is {named.id}", "user_id")


def _other_meant(what: str, who: str, parameter: str) -> PolytomicConfigurationError:
    return PolytomicConfigurationError(
        f"There is no {what}, but {who}.",
        f"Correct {parameter}, or what is expected of it.",
        state="Nothing was removed.",
        reason="id_mismatch",
        fields=(parameter,),
    )


def _check_that_nobody_stops(stopping: Callable[[], bool], what: str) -> None:
    if stopping():
        raise PolytomicTaskStoppedError(f"{what} is still there: the task was told to end. A retry goes on.")


def _unless_missing(act: Callable[[], T], ignore: bool) -> T | None:  # noqa: FBT001 (named where it is called)
    try:
        return act()
    except PolytomicNotFoundError as error:
        # Only Polytomic knows that something is not there; a proxy's page says nothing of it.
        if not (ignore and error.is_from_polytomic):
            raise
    return None
