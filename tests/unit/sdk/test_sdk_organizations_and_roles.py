"""The official SDK manages organizations and roles with the emulator."""

from __future__ import annotations

import pytest
from polytomic.errors import ForbiddenError, NotFoundError


def test_organizations(partner, emulator):
    organizations = partner.organization
    assert [o.id for o in organizations.list().data] == [emulator.owner.id]
    created = organizations.create(name="Beta", sso_domain="beta.example").data
    assert (created.name, created.sso_domain) == ("Beta", "beta.example")
    assert organizations.get(created.id).data == created
    renamed = organizations.update(created.id, name="Gamma").data
    assert (renamed.id, renamed.name, renamed.sso_domain) == (created.id, "Gamma", None)
    assert [o.name for o in organizations.list().data] == [emulator.owner.name, "Gamma"]
    assert organizations.delete(created.id) is None
    with pytest.raises(NotFoundError):
        organizations.get(created.id)


def test_the_current_organization(partner, inside, sdk, emulator, user):
    assert inside.organization.get_current().data.name == "Acme"
    assert sdk(emulator.give_key(user.id)).organization.get_current().data.id == user.organization_id
    with pytest.raises(ForbiddenError):
        partner.organization.get_current()


def test_roles(inside, organization):
    roles = inside.permissions.roles
    assert {role.name for role in roles.list().data} >= {"Admin"}
    created = roles.create(name="Auditor", organization_id=organization.id).data
    assert (created.name, created.organization_id, created.system) == ("Auditor", organization.id, False)
    assert roles.update(created.id, name="Reader").data.name == "Reader"
    assert roles.get(created.id).data.name == "Reader"
    assert roles.delete(created.id) is None
    with pytest.raises(NotFoundError):
        roles.get(created.id)
