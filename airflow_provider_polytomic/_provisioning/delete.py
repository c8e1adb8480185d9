"""Deletion of a user or an organization: only the expected one, and never the caller's own.

This folder imports neither Airflow nor HTTP.
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

    from airflow_provider_polytomic._provisioning.protocols import PolytomicApi
    from airflow_provider_polytomic.models import Organization, User

__all__ = ["delete_organization", "delete_user"]

log = logging.getLogger(__name__)

T = TypeVar("T")


def delete_user(
    polytomic: PolytomicApi,
    org_id: str,
    user_id: str,
    *,
    expected_email: str | None,
    ignore_if_missing: bool,
    stopping: Callable[[], bool] = lambda: False,
) -> User | None:
    """Delete a user, which revokes its keys, and return the deleted user; None if it does not exist.

    :param expected_email: the address that the user must have, in any case; None accepts every address.
    :param ignore_if_missing: return None if the user does not exist and no other user has that address.
    :param stopping: whether the task was asked to stop; called immediately before the user is deleted.
    :raises PolytomicConfigurationError: if the address differs, or the user is the caller; nothing was deleted.
    :raises PolytomicNotFoundError: if the user does not exist and that is not ignored.
    :raises PolytomicTaskStoppedError: if the task was asked to stop; nothing was deleted.
    """
    if expected_email is not None:
        require_text("expected_email", expected_email)
    user = _unless_missing(lambda: polytomic.get_user(org_id, user_id), ignore_if_missing)
    if user is None:
        _check_no_user_has(polytomic, org_id, user_id, expected_email)
        return None
    check_email(user, expected_email)
    if polytomic.get_identity().id == user.id:
        raise PolytomicConfigurationError(
            f"{user.email!r:.200} is the user whose key the connection uses; deleting it would lock this DAG out.",
            "Use another connection, or another user.",
            state="Nothing was deleted.",
            reason="own_user",
            fields=("user_id",),
        )
    _check_not_stopping(stopping, f"The user {user.email!r:.200} ({user.id})")
    log.info("Deleting the user %r (%s) for good.\nAll of its API keys stop working.", user.email, user.id)
    _unless_missing(lambda: polytomic.delete_user(org_id, user_id), ignore_if_missing)
    return user


def delete_organization(
    polytomic: PolytomicApi,
    org_id: str,
    *,
    expected_name: str,
    ignore_if_missing: bool,
    stopping: Callable[[], bool] = lambda: False,
) -> Organization | None:
    """Delete an organization with everything in it, and return the deleted organization; None if it does not exist.

    :param expected_name: the exact name that the organization must have.
    :param ignore_if_missing: return None if the organization does not exist and no other one has that name.
    :param stopping: whether the task was asked to stop; called immediately before the organization is deleted.
    :raises PolytomicConfigurationError: if the name differs, or the organization is the caller's own; nothing was
        deleted.
    :raises PolytomicNotFoundError: if the organization does not exist and that is not ignored.
    :raises PolytomicTaskStoppedError: if the task was asked to stop; nothing was deleted.
    """
    require_text("expected_name", expected_name)
    organization = _unless_missing(lambda: polytomic.get_organization(org_id), ignore_if_missing)
    if organization is None:
        organizations = polytomic.list_organizations()
        if match := next((listed for listed in organizations if listed.name == expected_name), None):
            raise _id_mismatch(f"organization {org_id}", f"{expected_name!r:.200} is {match.id}", "org_id")
        return None
    if organization.name != expected_name:
        raise PolytomicConfigurationError(
            f"The organization {org_id} is {organization.name!r:.200}, not {expected_name!r:.200} as expected.",
            "Correct org_id or expected_name.",
            state="Nothing was deleted.",
            reason="name_mismatch",
            fields=("org_id", "expected_name"),
        )
    if is_callers_organization(polytomic, organization):
        raise PolytomicConfigurationError(
            f"The connection's own key belongs to the organization {expected_name!r:.200}.",
            "Use the id of a customer's organization.",
            state="Nothing was deleted.",
            reason="own_organization",
            fields=("org_id",),
        )
    _check_not_stopping(stopping, f"The organization {expected_name!r:.200} ({organization.id})")
    log.info(
        "Deleting the organization %r (%s) for good.\nIts users, keys, connections and syncs are deleted with it.",
        organization.name,
        organization.id,
    )
    _unless_missing(lambda: polytomic.delete_organization(org_id), ignore_if_missing)
    return organization


def _check_no_user_has(polytomic: PolytomicApi, org_id: str, user_id: str, email: str | None) -> None:
    """Refuse a mistyped id: the user with the expected address would remain, with a key that works."""
    users = _unless_missing(lambda: polytomic.list_users(org_id), True) if email is not None else None  # noqa: FBT003 (gone)
    if match := next((user for user in users or () if email_matches(user, email or "")), None):
        raise _id_mismatch(f"user {user_id}", f"{match.email!r:.200} is {match.id}", "user_id")


def _id_mismatch(what: str, match: str, parameter: str) -> PolytomicConfigurationError:
    return PolytomicConfigurationError(
        f"There is no {what}, but {match}.",
        f"Correct {parameter}, or the expected name or address.",
        state="Nothing was deleted.",
        reason="id_mismatch",
        fields=(parameter,),
    )


def _check_not_stopping(stopping: Callable[[], bool], what: str) -> None:
    if stopping():
        raise PolytomicTaskStoppedError(f"The task was asked to stop. {what} was not deleted. A retry continues.")


def _unless_missing(call: Callable[[], T], ignore: bool) -> T | None:  # noqa: FBT001 (named where it is called)
    try:
        return call()
    except PolytomicNotFoundError as error:
        # Only Polytomic knows that something does not exist; a proxy's 404 does not say so.
        if not (ignore and error.is_from_polytomic):
            raise
    return None
