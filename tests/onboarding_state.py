"""State of one customer in Polytomic, without ids, so that two runs can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.testing import Organization, PolytomicEmulator, User

__all__ = ["onboarded", "state_of"]

_SETTINGS = ("issuer", "sso_domain", "sso_org_id")


def state_of(emulator: PolytomicEmulator, name: str) -> dict[str, Any]:
    """Return the state of the organization with a name, without ids.

    ``organizations`` has one entry for each organization of that name: its settings, and its users in the order of
    their addresses, each with role names, the numbers of invitations, of issued keys and of live keys.
    """
    named = [organization for organization in emulator.organizations() if organization.name == name]
    return {"organizations": [_organization(emulator, organization) for organization in named]}


def onboarded(name: str, email: str, roles: Sequence[str], **settings: str) -> dict[str, Any]:
    """Return the result of :func:`state_of` for an onboarded customer with one user.

    :param roles: role names as Polytomic writes them.
    :param settings: settings of the organization, such as ``sso_domain``.
    """
    user = {"email": email.lower(), "roles": sorted(roles), "invitations": 1, "minted": 1, "live_keys": 1}
    organization = {
        "name": name,
        **dict.fromkeys(_SETTINGS),
        **settings,
        "users": [user],
    }
    return {"organizations": [organization]}


def _organization(emulator: PolytomicEmulator, organization: Organization) -> dict[str, Any]:
    users = sorted(emulator.users_of(organization.id), key=lambda user: user.email)
    return {
        "name": organization.name,
        **{setting: getattr(organization, setting) for setting in _SETTINGS},
        "users": [_user(emulator, user) for user in users],
    }


def _user(emulator: PolytomicEmulator, user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "roles": emulator.roles_of(user.id),
        "invitations": [invitation.user_id for invitation in emulator.invitations].count(user.id),
        "minted": emulator.minted(user.id),
        "live_keys": len(emulator.keys_of(user.id)),
    }
