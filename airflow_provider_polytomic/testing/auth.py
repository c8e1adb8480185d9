"""Authentication and authorization of a caller.

Bearer carries a partner, deployment or user key. Basic carries ``<organization id>:<partner or deployment key>``, which
acts in that organization.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.api_request import ApiRequest
    from airflow_provider_polytomic.testing.keys import KeyKind
    from airflow_provider_polytomic.testing.state import Organization, State, User

__all__ = [
    "Caller",
    "authenticate",
    "current_organization",
    "managed_organization",
    "path_organization",
    "require_partner",
]


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of an endpoint.

    :param kind: the kind of the key that was sent.
    :param organization: the organization that the caller acts in; None for all organizations of the partner.
    :param user: the user that the key belongs to, or None.
    """

    kind: KeyKind
    organization: Organization | None = None
    user: User | None = None


def authenticate(state: State, authorization: str) -> Caller:
    """Return the caller that an ``Authorization`` header names.

    :raises RefusalError: 401 for a missing, unknown or revoked key; 403 for an organization that the partner does not
        have.
    """
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return _bearer(state, credential.strip())
    if scheme.lower() == "basic":
        return _basic(state, credential.strip())
    raise _unknown_key()


def _bearer(state: State, text: str) -> Caller:
    key = state.keys.find_accepted(text)
    if key is None:
        raise _unknown_key()
    if key.user_id is None:
        return Caller(key.kind)
    if not state.knows_user(key.user_id):
        raise _unknown_key()
    user = state.user(key.user_id)
    return Caller(key.kind, state.organization(user.organization_id), user)


def _basic(state: State, credential: str) -> Caller:
    try:
        organization_id, _, text = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _unknown_key() from None
    key = state.keys.find_accepted(text)
    if key is None or key.kind == "user":
        raise _unknown_key()
    try:
        return Caller(key.kind, state.organization(organization_id))
    except RefusalError:
        raise RefusalError(403, "the organization is not one of this partner's") from None


def _unknown_key() -> RefusalError:
    return RefusalError(401, "invalid or unknown API key")


def require_partner(caller: Caller) -> None:
    """Raise 403 unless the caller acts for all organizations."""
    if caller.organization is not None:
        raise RefusalError(403, "this endpoint requires a partner key")


def path_organization(state: State, caller: Caller, request: ApiRequest) -> Organization:
    """Return the organization in a partner path, or raise 403 or 404.

    A partner or deployment key scoped to an organization has access to that one: Polytomic's Terraform provider calls
    these paths this way.
    """
    if caller.user is not None:
        raise RefusalError(403, "this endpoint requires a partner key")
    if caller.organization is not None and caller.organization.id != request.ids["org_id"]:
        raise RefusalError(403, "the credential belongs to another organization")
    return state.organization(request.ids["org_id"])


def current_organization(caller: Caller) -> Organization:
    """Return the organization that the credential implies, or raise 403 if it implies none."""
    if caller.organization is None:
        raise RefusalError(403, "this endpoint requires a credential of one organization")
    return caller.organization


def managed_organization(state: State, caller: Caller) -> Organization:
    """Return the caller's organization for a change of its users or roles; raise 403 for a user who is not an Admin."""
    organization = current_organization(caller)
    if caller.user is not None and not state.is_admin(caller.user):
        raise RefusalError(403, "only an Admin may change users and roles")
    return organization
