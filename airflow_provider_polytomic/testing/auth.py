"""Who is calling, and what may they do?

Bearer carries a partner, deployment or user key. Basic carries ``<organization id>:<partner or deployment key>``, which
acts inside that organization.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.api_request import Call
    from airflow_provider_polytomic.testing.keys import KeyKind
    from airflow_provider_polytomic.testing.state import Organization, User, World

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
    """Who is calling.

    :param kind: which kind of key was sent.
    :param organization: the organization that the caller acts inside; None: all of the partner's.
    :param user: the user whose key it is, or None.
    """

    kind: KeyKind
    organization: Organization | None = None
    user: User | None = None


def authenticate(world: World, authorization: str) -> Caller:
    """Return the caller that an ``Authorization`` header names.

    :raises RefusalError: 401 for a missing, unknown or revoked key; 403 for an organization that the partner does not
        have.
    """
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return _bearer(world, credential.strip())
    if scheme.lower() == "basic":
        return _basic(world, credential.strip())
    raise _unknown_key()


def _bearer(world: World, text: str) -> Caller:
    key = world.keys.accepted(text)
    if key is None:
        raise _unknown_key()
    if key.user_id is None:
        return Caller(key.kind)
    if not world.knows_user(key.user_id):
        raise _unknown_key()
    user = world.user(key.user_id)
    return Caller(key.kind, world.organization(user.organization_id), user)


def _basic(world: World, credential: str) -> Caller:
    try:
        organization_id, _, text = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _unknown_key() from None
    key = world.keys.accepted(text)
    if key is None or key.kind == "user":
        raise _unknown_key()
    try:
        return Caller(key.kind, world.organization(organization_id))
    except RefusalError:
        raise RefusalError(403, "the organization is not one of this partner's") from None


def _unknown_key() -> RefusalError:
    return RefusalError(401, "invalid or unknown API key")


def require_partner(caller: Caller) -> None:
    """Answer 403 unless the caller acts for all organizations."""
    if caller.organization is not None:
        raise RefusalError(403, "this endpoint requires a partner key")


def path_organization(world: World, caller: Caller, call: Call) -> Organization:
    """Return the organization in a partner path, or answer 403 or 404.

    A partner or deployment key scoped to an organization is let into that one: Polytomic's Terraform provider calls
    these paths that way.
    """
    if caller.user is not None:
        raise RefusalError(403, "this endpoint requires a partner key")
    if caller.organization is not None and caller.organization.id != call.ids["org_id"]:
        raise RefusalError(403, "the credential belongs to another organization")
    return world.organization(call.ids["org_id"])


def current_organization(caller: Caller) -> Organization:
    """Return the organization that the credential implies, or answer 403 where it implies none."""
    if caller.organization is None:
        raise RefusalError(403, "this endpoint requires a credential of one organization")
    return caller.organization


def managed_organization(world: World, caller: Caller) -> Organization:
    """Return the caller's organization for a change of its users or roles, which among users only Admins may do."""
    organization = current_organization(caller)
    if caller.user is not None and not world.is_admin(caller.user):
        raise RefusalError(403, "only an Admin may change users and roles")
    return organization
