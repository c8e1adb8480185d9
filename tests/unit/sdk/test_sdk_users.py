"""The official SDK manages users with the emulator, as a partner and inside an organization."""

from __future__ import annotations

import pytest
from polytomic.errors import ForbiddenError, NotFoundError


def test_the_partners_paths(partner, emulator, organization):
    users = partner.users
    assert users.list(organization.id).data is None
    created = users.create(organization.id, email="Bob@Acme.example").data
    assert (created.email, created.organization_id, created.role_ids) == ("bob@acme.example", organization.id, None)
    assert users.get(organization.id, created.id).data == created
    admin = emulator.role_id("Admin")
    updated = users.update(organization.id, created.id, email="bob@acme.example", role_ids=[admin]).data
    assert (updated.role_ids, updated.role) == ([admin], "admin")
    assert users.list(organization.id).data == [updated]
    assert users.delete(organization.id, created.id).data == updated
    with pytest.raises(NotFoundError):
        users.get(organization.id, created.id)


def test_the_current_organizations_paths(inside, emulator, organization):
    users = inside.users
    assert users.list_current_org_users().data is None
    editor, viewer = emulator.role_id("Editor"), emulator.role_id("Viewer")
    created = users.create_current_org_user(email="bob@acme.example", role_ids=[editor]).data
    assert (created.organization_id, created.role_ids) == (organization.id, [editor])
    assert users.update_current_org_user(created.id, role_ids=[viewer]).data.role_ids == [viewer]
    read = users.get_current_org_user(created.id).data
    assert (read.email, read.role_ids, read.harbor_only, read.harbor_ids) == ("bob@acme.example", [viewer], False, None)
    assert users.list_current_org_users().data == [read]
    assert users.delete_current_org_user(created.id).data.id == created.id
    assert users.list_current_org_users().data is None


def test_an_admins_own_key_manages_users_and_an_editors_does_not(sdk, emulator, organization):
    admin, editor = (
        sdk(emulator.give_key(emulator.add_user(organization.id, f"{role}@acme.example", [emulator.role_id(role)]).id))
        for role in ("Admin", "Editor")
    )
    assert admin.users.create_current_org_user(email="new@acme.example").data.email == "new@acme.example"
    with pytest.raises(ForbiddenError):
        editor.users.create_current_org_user(email="other@acme.example")
    assert len(editor.users.list_current_org_users().data) == 3


def test_a_user_is_created_once_under_one_idempotency_key(partner, emulator, organization):
    created = [
        partner.users.create(organization.id, email="bob@acme.example", idempotency_key="user-0001").data
        for _ in range(2)
    ]
    assert created[0] == created[1]
    assert len(emulator.invitations) == 1
