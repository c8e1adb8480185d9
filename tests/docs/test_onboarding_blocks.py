"""Do the pieces of DAGs on docs/onboard-a-customer.md do what is said around them? And the program outside Airflow?"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator
from tests.docs.pages import blocks, codes, page_text
from tests.docs.pieces import piece
from tests.integration.in_process import Run, run_dag, xcom_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docs.issuers import PageIssuer
    from tests.docs.pages import Block
    from tests.scene import Scene

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
    """Return the fields that the section of an operator says that it returns."""
    (told,) = re.findall(rf"### {operator}\n\n(?:.*\. )?It returns (.*?)[.,] ?(?:which|\n)", page_text(PAGE))
    return codes(told)


@with_airflow
def test_an_organization_is_renamed_and_keeps_its_client(scene: Scene):
    client = json.loads(_block("json", "oidc-client").content)
    scene.put("acme_oidc", **client)
    run = _run("sign-in", scene, Acme="Globex")
    assert run.state == "success"
    globex = scene.emulator.organizations()[-1]
    assert (globex.name, globex.client_id, globex.client_secret) == ("Globex Ltd", client["login"], client["password"])
    assert list(xcom_of(run, "rename")) == _returns("PolytomicUpdateOrganizationOperator")


@with_airflow
def test_an_organization_that_signs_in_by_oidc_is_not_changed_without_its_client(scene: Scene):
    client = json.loads(_block("json", "oidc-client").content)
    scene.put("acme_oidc", **client)
    renaming = {"Acme": "Globex", ', name="Globex Ltd", oidc_conn_id="acme_oidc"': ', name="Globex Ltd"'}
    # The second time the organization is there, and the connection is not.
    for conn_id in ("acme_oidc", "gone"):
        run = _run("sign-in", scene, **renaming, acme_oidc=conn_id)
        assert run.states == {"create_organization": "success", "rename": "failed"}
        globex = scene.emulator.organizations()[-1]
        assert (globex.name, globex.client_secret) == ("Globex", client["password"])


@with_airflow
def test_what_goes_for_good_is_named(scene: Scene):
    client = json.loads(_block("json", "oidc-client").content)
    scene.put("acme_oidc", **client)
    (named,) = re.findall(r"`(clear_settings=[^`]+)`", page_text(PAGE))
    clearing = {"Acme": "Globex", 'name="Globex Ltd", oidc_conn_id="acme_oidc"': named}
    assert _run("sign-in", scene, **clearing).state == "success"
    globex = scene.emulator.organizations()[-1]
    assert (globex.name, globex.issuer, globex.client_id, globex.client_secret) == ("Globex", None, None, None)


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


def test_the_address_of_alerts_is_not_the_users():
    untyped: Any = PolytomicCreateUserOperator
    with DAG("alerts", schedule=None, default_args={"email": "ops@example.com", "email_on_failure": True}):
        given = PolytomicCreateUserOperator(task_id="given", org_id="current", email="ada@acme.example")
        with pytest.raises(PolytomicConfigurationError, match="'forgotten' is missing, or the same as in default_args"):
            untyped(task_id="forgotten", org_id="current")
    assert (given.user_email, given.email) == ("ada@acme.example", "ops@example.com")


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
