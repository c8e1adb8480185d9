"""May a stored key go, as far as Polytomic can tell? Whether it is asked at the right place, and what it must say.

Each check passes in silence, or raises; none changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider_polytomic._issuance import protocols
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

__all__ = ["Vendor", "check_key_revoked", "check_organization", "check_user_deleted", "refuse_removal"]

# Seconds between the questions whether a key is dead: whether Polytomic revokes at once is not documented.
WAITS = (0.5, 1.0, 2.0, 4.0)


class Vendor(protocols.PolytomicApi, Protocol):
    """What removing needs of Polytomic; :class:`~airflow_provider_polytomic.hooks.polytomic.PolytomicHook` is one."""

    def get_organization(self, org_id: str) -> object:
        """Tell that there is such an organization, and that the caller may know of it."""


def refuse_removal(
    place: str, what: str, remedy: str, *, reason: str, fields: tuple[str, ...] = ("allow_active_key",)
) -> IssuanceRefusedError:
    """Say that nothing was removed, and why."""
    return IssuanceRefusedError(f"{place} {what}. Nothing was removed. {remedy}.", reason=reason, fields=fields)


def check_organization(vendor: Vendor, place: str, record: IssuanceRecord) -> None:
    """Make sure that the caller is of the server and the partner that issued: to another, every key is unknown.

    :raises IssuanceRefusedError: if Polytomic does not know the organization, or not as the caller's.
    """
    org_id = record.target.org_id
    try:
        vendor.get_organization(org_id)
    except (PolytomicForbiddenError, PolytomicNotFoundError) as error:
        if not error.is_from_polytomic:
            raise
        said = str(error).rstrip(". ")
    else:
        return
    # A key that is no partner's may not ask that, but can be of this very organization.
    if (vendor.get_identity().organization_id or "").lower() == org_id:
        return
    raise refuse_removal(
        place,
        f"belongs to {record.target}, and the connection's server or partner does not know that organization ({said}): "
        "either the key was issued through another connection, or the organization is gone with all of its keys. "
        "Nothing of what is stored was sent",
        "Use the connection through which it was issued; or, if the organization is known to be gone, set "
        "allow_active_key=True",
        reason="organization_unknown",
        fields=("polytomic_conn_id", "allow_active_key"),
    )


def check_key_revoked(vendor: Vendor, place: str, key: ApiKey, clock: Clock) -> None:
    """Make sure that Polytomic itself calls the key dead, and not every key.

    :raises IssuanceRefusedError: if the key works, and goes on to.
    :raises IssuanceIncompleteError: if somebody else answered.
    :raises PolytomicError: if there was no answer, or the caller's own credential is refused too.
    """
    waits = iter(WAITS)
    while owner := _owner(vendor, place, key):
        if (wait := next(waits, None)) is None:
            raise refuse_removal(
                place,
                f"holds a key of user {owner.id} of organization {owner.organization_id} that still works",
                "Delete that user first, and the key dies; or, if it may live on without being stored here, set "
                "allow_active_key=True",
                reason="key_still_works",
            )
        clock.sleep(wait)
    vendor.get_identity()


def _owner(vendor: Vendor, place: str, key: ApiKey) -> Identity | None:
    """Return whose key it is; None if it is dead.

    Polytomic itself says so with 401 or (older servers) 403; a proxy may say the same to everybody.
    """
    try:
        return vendor.get_identity(key)
    except (PolytomicUnauthorizedError, PolytomicForbiddenError) as error:
        if error.is_from_polytomic:
            return None
        status = error.status
    raise IssuanceIncompleteError(
        f"Whether the key in {place} still works is not known: the answer, {status}, was not in Polytomic's words, but "
        "perhaps in those of a proxy on the way. Nothing was removed. A retry asks again; if it stays so, see what "
        "answers for the connection's server.",
        reason="proxy_answered",
    )


def check_user_deleted(vendor: Vendor, place: str, record: IssuanceRecord) -> None:
    """Make sure that the user is gone for whom an open issuance may have got a key that is stored nowhere.

    :raises IssuanceRefusedError: if it is there, or Polytomic says 403, which proves nothing.
    :raises PolytomicError: if there was no answer of Polytomic's.
    """
    try:
        vendor.get_user(record.target.org_id, record.target.user_id)
        found, reason = "and its user still exists", "user_still_exists"
    except PolytomicNotFoundError as error:
        if error.is_from_polytomic:
            return
        raise
    except PolytomicForbiddenError as error:
        found = f"and Polytomic does not say whether its user is gone ({str(error).rstrip('. ')})"
        reason = "user_state_unknown"
    raise refuse_removal(
        place,
        f"has an issuance for {record.target} that is open since {record.opened_at.isoformat()}: a key may have been "
        f"issued that is stored nowhere, {found}",
        "Delete the user first, or let that issuance finish; if such a key is known to be dead, or may live on, set "
        "allow_active_key=True",
        reason=reason,
    )
