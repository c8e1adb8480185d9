"""The pieces of DAGs on docs/onboard-a-customer.md, and the program outside Airflow, do what the pages say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dag_runs.in_process import Run, run_dag, xcom_of
from tests.docs.pages import blocks, codes, facts
from tests.docs.snippets_as_dags import piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docs.issuers import PageIssuer
    from tests.docs.pages import Block
    from tests.fixtures import Scene

PAGE = "docs/onboard-a-customer.md"
with_airflow = pytest.mark.usefixtures("airflow_db")


def _block(language: str, note: str) -> Block:
    (found,) = blocks(language, note)
    return found


def _run(note: str, scene: Scene, **more: str) -> Run:
    content = _block("python", note).about(scene.ids)
    for old, new in more.items():
        content = content.replace(old, new)
    return run_dag(piece(content, note, scene.connections.parent))


def _returns(operator: str) -> list[str]:
    """Return the fields of an operator's result, according to the page."""
    return codes(facts(PAGE, "Return values")[f"`{operator}`"])


@with_airflow
def test_an_organization_is_renamed_and_keeps_what_is_not_cleared(scene: Scene):
    run = _run("sign-in", scene, Acme="Globex")
    assert run.state == "success"
    globex = scene.emulator.organizations()[-1]
    assert (globex.name, globex.sso_domain, globex.sso_org_id) == ("Globex Ltd", "acme.example", None)
    assert list(xcom_of(run, "rename")) == _returns("PolytomicUpdateOrganizationOperator")


@with_airflow
def test_each_address_is_invited_once(scene: Scene):
    for _ in range(2):
        run = _run("invite", scene)
        assert run.states == {"invite[0]": "success", "invite[1]": "success"}
    users = {user.id: user.email for user in scene.emulator.users_of(scene.user.organization_id)}
    assert sorted(users.values()) == [scene.user.email, "bob@acme.example", "eve@acme.example"]
    invited = [users[invitation.user_id] for invitation in scene.emulator.invitations]
    assert sorted(invited) == ["bob@acme.example", "eve@acme.example"]
    assert {tuple(scene.emulator.roles_of(user_id)) for user_id in users} >= {("Viewer",)}
    assert sorted(label or "" for label in run.labels.values()) == sorted(invited)


@with_airflow
def test_everybody_who_is_listed_gets_the_role(scene: Scene):
    scene.emulator.add_user(scene.user.organization_id, "bob@acme.example", [scene.emulator.role_id("Admin")])
    assert _run("demote", scene).state == "success"
    users = scene.emulator.users_of(scene.user.organization_id)
    assert [scene.emulator.roles_of(user.id) for user in users] == [["Viewer"], ["Viewer"]]


@with_airflow
def test_only_the_user_whose_own_key_asks_keeps_its_roles(scene: Scene):
    emulator, org_id = scene.emulator, scene.user.organization_id
    admin = emulator.add_user(org_id, "root@acme.example", [emulator.role_id("Admin")])
    key = emulator.give_key(admin.id)
    scene.put("polytomic_default", conn_type="polytomic", host=emulator.base_url, password=key)
    run = _run("demote", scene, **{org_id: "current"})
    assert run.states == {"users": "success", "make_viewer[0]": "success", "make_viewer[1]": "failed"}
    assert [emulator.roles_of(user.id) for user in (scene.user, admin)] == [["Viewer"], ["Admin"]]


@with_airflow
def test_a_users_own_key_lists_its_colleagues(scene: Scene):
    key = scene.emulator.give_key(scene.user.id)
    scene.put("acme_polytomic", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    (listed,) = xcom_of(_run("colleagues", scene), "colleagues")
    assert list(listed) == _returns("PolytomicListUsersOperator")
    assert (listed["email"], listed["org_id"]) == (scene.user.email, scene.user.organization_id)


CONSUMERS = [block for block in blocks("python") if block.note.startswith("consumer=")]


@pytest.mark.parametrize("block", CONSUMERS, ids=str)
def test_a_program_outside_airflow_uses_the_key(
    block: Block, issuer: Callable[[str], PageIssuer], capsys: pytest.CaptureFixture[str]
):
    on = issuer("secretsmanager")
    on.issue(block.note.removeprefix("consumer="))
    capsys.readouterr()
    content = block.content.replace("https://app.polytomic.com", on.scene.emulator.base_url)
    assert content != block.content
    exec(compile(content, block.place, "exec"), {"__name__": "program"})
    assert capsys.readouterr().out.splitlines()[-1] == on.scene.user.email
