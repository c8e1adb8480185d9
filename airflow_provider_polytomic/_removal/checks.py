"""Checks before a removal: whether Polytomic confirms that the stored key may be deleted.

Each check passes silently or raises; none changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider_polytomic._issuance import protocols
from airflow_provider_polytomic._issuance.errors import is_revoked
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicUnauthorizedError,
)

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.record import IssuanceRecord
    from airflow_provider_polytomic._support.clock import Clock
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.models import Identity

__all__ = ["PolytomicApi", "check_key_revoked", "check_organization", "check_user_deleted", "refuse_removal"]

# Seconds between the requests that ask whether a key is revoked: the documentation does not say that it is at once.
WAITS = (0.5, 1.0, 2.0, 4.0)


class PolytomicApi(protocols.PolytomicApi, Protocol):
    """What a removal needs of Polytomic; :class:`~airflow_provider_polytomic.hooks.polytomic.PolytomicHook` has it."""

    def get_organization(self, org_id: str) -> object:
        """Return the organization, or raise if it is unknown or not the caller's."""


def refuse_removal(
    place: str, what: str, remedy: str, *, reason: str, fields: tuple[str, ...] = ("allow_active_key",)
) -> IssuanceRefusedError:
    """Return the error that says that nothing was removed, and why.

    :param what: what is wrong with the destination, as the predicate of a sentence about it.
    :param remedy: what to do.
    """
    return IssuanceRefusedError(f"{place} {what}. Nothing was removed. {remedy}.", reason=reason, fields=fields)


def check_organization(polytomic: PolytomicApi, place: str, record: IssuanceRecord) -> None:
    """Check that the connection names the server and the partner that issued the key: others know no such key.

    :raises IssuanceRefusedError: if Polytomic does not know the organization, or not as the caller's.
    """
    org_id = record.target.org_id
    try:
        polytomic.get_organization(org_id)
    except (PolytomicForbiddenError, PolytomicNotFoundError) as error:
        if not error.is_from_polytomic:
            raise
        message = str(error).rstrip(". ")
    else:
        return
    # A key that is not a partner key may not send that request, but can belong to this very organization.
    if (polytomic.get_identity().organization_id or "").lower() == org_id:
        return
    raise refuse_removal(
        place,
        f"belongs to {record.target}, and the connection's server or partner does not know that organization "
        f"({message}). Either the key was issued through another connection, or the organization was deleted with all "
        "of its keys. The stored key was not sent",
        "Use the connection through which the key was issued. If you know that the organization was deleted, set "
        "allow_active_key=True",
        reason="organization_unknown",
        fields=("polytomic_conn_id", "allow_active_key"),
    )


def check_key_revoked(polytomic: PolytomicApi, place: str, key: ApiKey, clock: Clock) -> None:
    """Check that Polytomic itself reports the key as revoked, and does not reject every key.

    :raises IssuanceRefusedError: if the key still works after some seconds.
    :raises IssuanceIncompleteError: if a proxy answered.
    :raises PolytomicError: if there was no response, or the caller's own credential is rejected too.
    """
    waits = iter(WAITS)
    while owner := _find_owner(polytomic, place, key):
        if (wait := next(waits, None)) is None:
            raise refuse_removal(
                place,
                f"holds a key of user {owner.id} of organization {owner.organization_id} that still works",
                "Delete that user first, which revokes the key. If the key may keep working without being stored here, "
                "set allow_active_key=True",
                reason="key_still_works",
            )
        clock.sleep(wait)
    polytomic.get_identity()


def _find_owner(polytomic: PolytomicApi, place: str, key: ApiKey) -> Identity | None:
    """Return the owner of the key; None if it is revoked."""
    try:
        return polytomic.get_identity(key)
    except (PolytomicUnauthorizedError, PolytomicForbiddenError) as error:
        if is_revoked(error):
            return None
        status = error.status
    raise IssuanceIncompleteError(
        f"It is unknown whether the key in {place} still works: the response, {status}, is not in Polytomic's format; "
        "perhaps a proxy sent it. Nothing was removed. A retry asks again. If this persists, find out what answers for "
        "the connection's server.",
        reason="proxy_answered",
    )


def check_user_deleted(polytomic: PolytomicApi, place: str, record: IssuanceRecord) -> None:
    """Check that the user of an open issuance is deleted: that issuance may have got a key that is stored nowhere.

    :raises IssuanceRefusedError: if the user exists, or Polytomic answers 403, which proves nothing.
    :raises PolytomicError: if Polytomic did not answer.
    """
    try:
        polytomic.get_user(record.target.org_id, record.target.user_id)
        state, reason = "and its user still exists", "user_still_exists"
    except PolytomicNotFoundError as error:
        if error.is_from_polytomic:
            return
        raise
    except PolytomicForbiddenError as error:
        state = f"and Polytomic does not say whether its user is deleted ({str(error).rstrip('. ')})"
        reason = "user_state_unknown"
    raise refuse_removal(
        place,
        f"has an issuance for {record.target} that is open since {record.opened_at.isoformat()}: a key may have been "
        f"issued that is stored nowhere, {state}",
        "Delete the user first, or let that issuance finish. If you know that such a key is revoked, or it may keep "
        "working, set allow_active_key=True",
        reason=reason,
    )
