"""Organizations, users and roles of the emulated Polytomic."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_polytomic.testing.keys import KeyRing

__all__ = ["ExistingKey", "Invitation", "Organization", "Role", "State", "Taken", "User"]

ExistingKey = Literal["second_key", 409, 422]
Taken = Literal[409, 422]
_Thing = TypeVar("_Thing")

# From Polytomic's help page "Default user roles"; its SDK has "Admin and Member" instead.
_SYSTEM_ROLES = ("Admin", "Editor", "Sync Editor", "Viewer")


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization of the partner; of its OIDC settings, responses contain only the issuer."""

    id: str
    name: str
    issuer: str | None = None
    sso_domain: str | None = None
    sso_org_id: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user of one organization."""

    id: str
    email: str
    organization_id: str
    role_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A permissions role; system roles belong to every organization and cannot be changed."""

    id: str
    name: str
    organization_id: str | None = None

    @property
    def system(self) -> bool:
        """Whether the role is one of Polytomic's own."""
        return self.organization_id is None


@dataclass(frozen=True, slots=True)
class Invitation:
    """The e-mail that Polytomic sends to a user created over the API."""

    organization_id: str
    user_id: str
    email: str


class State:
    """The objects that exist, and the rules that apply to every caller.

    :param keys: the keys of all callers.
    :param owner_name: the name of the partner's own organization.
    :param existing_key: the result of Create API Key without ``force`` for a user who has a key; not documented.
    :param existing_user: the response if the organization already has a user with the e-mail address; not documented.
    :param existing_name: the response if another organization has the name; 409 is documented, its cause is not.
    """

    def __init__(
        self, keys: KeyRing, owner_name: str, existing_key: ExistingKey, existing_user: Taken, existing_name: Taken
    ) -> None:
        self.keys = keys
        self.existing_key: ExistingKey = existing_key
        self._existing_user: Taken = existing_user
        self._existing_name: Taken = existing_name
        self.invitations: list[Invitation] = []
        self._organizations: dict[str, Organization] = {}
        self._users: dict[str, User] = {}
        self._roles = {role.id: role for role in (Role(_new_id(), name) for name in _SYSTEM_ROLES)}
        self.owner_id = self.add_organization(Organization("", owner_name)).id

    @property
    def owner(self) -> Organization:
        """The partner's own organization."""
        return self._organizations[self.owner_id]

    def organizations(self) -> list[Organization]:
        """Return all organizations, the owner first."""
        return list(self._organizations.values())

    def organization(self, organization_id: str) -> Organization:
        """Return one organization, or raise 404."""
        return _require(self._organizations.get(organization_id), "organization")

    def add_organization(self, draft: Organization) -> Organization:
        """Add an organization with a new id, or raise an error if the name exists."""
        return self.put_organization(replace(draft, id=_new_id()))

    def put_organization(self, organization: Organization) -> Organization:
        """Store an organization, or raise an error if another one has the name."""
        if any(o.name == organization.name and o.id != organization.id for o in self._organizations.values()):
            raise RefusalError.of_field(self._existing_name, "name", "an organization with this name already exists")
        self._organizations[organization.id] = organization
        return organization

    def delete_organization(self, organization_id: str) -> None:
        """Delete an organization with its users, their keys and its roles; the owner cannot be deleted."""
        if self.organization(organization_id).id == self.owner_id:
            raise RefusalError(403, "a partner cannot delete its own organization")
        for user in self.users_of(organization_id):
            self.delete_user(user.id)
        self._roles = {r.id: r for r in self._roles.values() if r.organization_id != organization_id}
        del self._organizations[organization_id]

    def users_of(self, organization_id: str) -> list[User]:
        """Return the users of an organization in the order of their creation."""
        return [user for user in self._users.values() if user.organization_id == organization_id]

    def user(self, user_id: str, organization_id: str | None = None) -> User:
        """Return one user, or raise 404, even if the user exists in another organization."""
        user = _require(self._users.get(user_id), "user")
        return _require(user if organization_id in {None, user.organization_id} else None, "user")

    def add_user(self, organization_id: str, email: str, role_ids: Iterable[str] = ()) -> User:
        """Create a user, or raise an error if the organization has the e-mail address; an unknown role raises 404."""
        roles = tuple(self.role(role_id, organization_id).id for role_id in role_ids)
        user = User(_new_id(), email.lower(), self.organization(organization_id).id, roles)
        if any(user.email == other.email for other in self.users_of(organization_id)):
            raise RefusalError.of_field(self._existing_user, "email", "a user with this e-mail address already exists")
        self._users[user.id] = user
        return user

    def put_user(self, user: User) -> User:
        """Store a user."""
        self._users[user.id] = user
        return user

    def delete_user(self, user_id: str) -> User:
        """Delete a user and revoke their keys."""
        self.keys.revoke_all_of(user_id)
        return self._users.pop(self.user(user_id).id)

    def knows_user(self, user_id: str | None) -> bool:
        """Whether the owner of a key still exists."""
        return user_id in self._users

    def roles_of(self, organization_id: str) -> list[Role]:
        """Return the system roles and those of one organization."""
        return [role for role in self._roles.values() if role.organization_id in {None, organization_id}]

    def role(self, role_id: str, organization_id: str) -> Role:
        """Return a role that an organization can use, or raise 404."""
        return _require(next((role for role in self.roles_of(organization_id) if role.id == role_id), None), "role")

    def role_named(self, name: str, organization_id: str | None = None) -> Role | None:
        """Return a system role, or a role of the organization, by its name in any case."""
        roles = self.roles_of(organization_id or self.owner_id)
        return next((role for role in roles if role.name.lower() == name.lower()), None)

    def put_role(self, role_id: str | None, name: str, organization_id: str) -> Role:
        """Create or rename a role of an organization, or raise 400 if another one has the name."""
        other = self.role_named(name, organization_id)
        if other and other.id != role_id:
            raise RefusalError.of_field(400, "name", "a role with this name already exists")
        role = Role(role_id or _new_id(), name, organization_id)
        self._roles[role.id] = role
        return role

    def delete_role(self, role_id: str) -> None:
        """Delete a role and remove it from every user."""
        del self._roles[role_id]
        for user in list(self._users.values()):
            self.put_user(replace(user, role_ids=tuple(r for r in user.role_ids if r != role_id)))

    def role_names(self, user: User) -> list[str]:
        """Return the names of a user's roles, in alphabetical order."""
        return sorted(self._roles[role_id].name for role_id in user.role_ids)

    def is_admin(self, user: User) -> bool:
        """Whether a user has the system role Admin, the only one that may manage users and roles."""
        admin = self.role_named("Admin")
        return admin is not None and admin.id in user.role_ids

    def all_users(self) -> list[User]:
        """Return the users of all organizations."""
        return list(self._users.values())


def _new_id() -> str:
    return str(uuid.uuid4())


def _require(thing: _Thing | None, what: str) -> _Thing:
    if thing is None:
        raise RefusalError(404, f"{what} not found")
    return thing
