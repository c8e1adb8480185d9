"""What do the operators for organizations do, return and say?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.operators.organizations import (
    PolytomicCreateOrganizationOperator,
    PolytomicDeleteOrganizationOperator,
    PolytomicUpdateOrganizationOperator,
)
from airflow_provider_polytomic.version_compat import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.testing import Organization
    from tests.scene import Scene

    Context = Callable[..., dict[str, Any]]
    Said = Callable[[], str]

CLIENT_SECRET = "s3cret-of-the-client-at-acme"
NOBODY = "00000000-0000-4000-8000-000000000000"
RENDERED_TO_NOTHING = {"sso_domain": "None", "sso_org_id": "", "issuer": None, "oidc_conn_id": "None"}


def create(scene: Scene, context: Context, **given: Any) -> dict[str, Any]:
    operator = PolytomicCreateOrganizationOperator(task_id="create", **{"name": "Globex", **given})
    returned: dict[str, Any] = operator.execute(context())
    return returned


def update(scene: Scene, context: Context, **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"org_id": scene.ids["org_id"], **given}
    returned: dict[str, Any] = PolytomicUpdateOrganizationOperator(task_id="update", **arguments).execute(context())
    return returned


def delete(scene: Scene, context: dict[str, Any], **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"org_id": scene.ids["org_id"], "expected_name": "Acme", **given}
    returned: dict[str, Any] = PolytomicDeleteOrganizationOperator(task_id="delete", **arguments).execute(context)
    return returned


def named(scene: Scene, name: str) -> Organization:
    (found,) = (each for each in scene.emulator.organizations() if each.name == name)
    return found


@pytest.fixture
def oidc(scene: Scene) -> dict[str, Any]:
    """The OIDC parameters, with a connection that holds the client."""
    scene.put("acme_oidc", conn_type="http", login="polytomic-at-acme", password=CLIENT_SECRET)
    return {"issuer": "https://id.acme.example", "oidc_conn_id": "acme_oidc"}


def test_it_is_created_once_and_says_which_try_made_it(scene: Scene, context: Context, said: Said) -> None:
    first = create(scene, context)
    assert first == {"id": named(scene, "Globex").id, "name": "Globex", "created": True}
    assert f"Created the organization 'Globex' ({first['id']})" in said()
    assert create(scene, context) == {**first, "created": False}
    assert "exists already" in said()
    assert len(scene.emulator.received("create_organization")) == 1


def test_it_is_created_with_how_its_users_sign_in(scene: Scene, context: Context, oidc: dict[str, Any]) -> None:
    create(scene, context, sso_domain="globex.example", sso_org_id="org_01H", **oidc)
    made = named(scene, "Globex")
    assert (made.sso_domain, made.sso_org_id, made.issuer) == ("globex.example", "org_01H", oidc["issuer"])
    assert (made.client_id, made.client_secret) == ("polytomic-at-acme", CLIENT_SECRET)


def test_parameters_that_render_to_nothing_are_left_out(scene: Scene, context: Context) -> None:
    create(scene, context, **RENDERED_TO_NOTHING)
    assert json.loads(scene.emulator.received("create_organization")[-1].body) == {"name": "Globex"}


def test_fail_makes_the_task_fail_where_it_exists(scene: Scene, context: Context) -> None:
    with pytest.raises(AirflowFailException, match=r"exists already.*if_exists is 'fail'"):
        create(scene, context, name="Acme", if_exists="fail")


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": " Acme"},
        {"if_exists": "None"},
        {"if_exists": None},
        {"sso_domain": ["x"]},
        {"oidc_conn_id": 7},
    ],
)
def test_what_cannot_be_meant_fails_the_task_before_anything_is_sent(
    scene: Scene, context: Context, given: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException, match="No request was sent"):
        create(scene, context, **given)
    assert scene.emulator.requests == []


@pytest.mark.parametrize(
    "held", [None, {"login": "x"}, {"password": CLIENT_SECRET}, {"login": "", "password": CLIENT_SECRET}]
)
def test_an_oidc_connection_that_holds_no_client_fails_the_task_before_anything_is_changed(
    scene: Scene, context: Context, held: dict[str, str] | None
) -> None:
    if held is not None:
        scene.put("acme_oidc", conn_type="http", **held)
    for call in (create, update):
        with pytest.raises(AirflowFailException, match=r"'acme_oidc'.*Nothing was changed") as caught:
            call(scene, context, oidc_conn_id="acme_oidc")
        assert CLIENT_SECRET not in str(caught.value)
    assert [request.method for request in scene.emulator.requests] == ["GET"]
    # No connection is needed where there is nothing to make.
    assert create(scene, context, name="Acme", oidc_conn_id="acme_oidc")["created"] is False


def test_the_client_secret_is_in_no_field_result_or_log(
    scene: Scene, context: Context, said: Said, oidc: dict[str, Any]
) -> None:
    scene.emulator.inject("status:503 endpoint=create_organization")
    operator = PolytomicCreateOrganizationOperator(task_id="create", name="Globex", retry_for=10.0, **oidc)
    returned = operator.execute(context())
    told = repr(returned) + repr(vars(operator)) + said()
    assert "Trying again" in told
    assert CLIENT_SECRET[:12] not in told
    assert named(scene, "Globex").client_secret == CLIENT_SECRET


@pytest.mark.parametrize("call", [create, update])
def test_a_client_secret_that_the_server_echoes_is_not_repeated(
    scene: Scene, context: Context, oidc: dict[str, Any], call: Callable[..., Any]
) -> None:
    words = json.dumps({"key": "k", "message": f"{CLIENT_SECRET} is too short", "metadata": {}, "status": 422})
    for endpoint in ("create_organization", "update_organization"):
        scene.emulator.inject(f"status:422 body='{words}' endpoint={endpoint}")
    with pytest.raises(AirflowFailException, match="is too short") as caught:
        call(scene, context, **oidc)
    assert CLIENT_SECRET[:12] not in str(caught.value)


def test_an_update_changes_what_is_given_and_nothing_else(scene: Scene, context: Context, said: Said) -> None:
    update(scene, context, sso_domain="acme.example", sso_org_id="org_01H")
    assert update(scene, context, name="Acme 2", **RENDERED_TO_NOTHING) == {"id": scene.ids["org_id"], "name": "Acme 2"}
    changed = named(scene, "Acme 2")
    assert (changed.sso_domain, changed.sso_org_id) == ("acme.example", "org_01H")
    assert f"Updated the organization 'Acme 2' ({changed.id})" in said()
    update(scene, context, clear_settings="sso_domain")
    assert (named(scene, "Acme 2").sso_domain, named(scene, "Acme 2").sso_org_id) == (None, "org_01H")


def test_an_update_never_clears_a_client_unseen(scene: Scene, context: Context, oidc: dict[str, Any]) -> None:
    update(scene, context, **oidc)
    with pytest.raises(AirflowFailException, match="nobody can read"):
        update(scene, context, name="Acme 2")
    assert update(scene, context, name="Acme 2", oidc_conn_id="acme_oidc")["name"] == "Acme 2"
    assert named(scene, "Acme 2").client_secret == CLIENT_SECRET
    update(scene, context, clear_settings=["issuer", "client_id", "client_secret"])
    assert named(scene, "Acme 2").client_secret is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "None", **RENDERED_TO_NOTHING, "clear_settings": ""},
        {"clear_settings": ["name"]},
        {"clear_settings": 7},
        {"name": " Acme 2"},
        {"name": "Acme 2\n"},
    ],
)
def test_an_update_that_cannot_be_meant_fails_the_task_before_anything_is_sent(
    scene: Scene, context: Context, given: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException, match="No request was sent"):
        update(scene, context, **given)
    assert scene.emulator.requests == []


def test_an_update_to_a_name_that_is_taken_fails_the_task_at_once(scene: Scene, context: Context) -> None:
    create(scene, context)
    with pytest.raises(AirflowFailException, match=r"name is taken.*Organization"):
        update(scene, context, name="Globex")
    assert len(scene.emulator.received("update_organization")) == 1


def test_a_deletion_says_what_goes_before_it_goes(scene: Scene, context: Context, said: Said) -> None:
    assert delete(scene, context()) == {"id": scene.ids["org_id"], "name": "Acme", "deleted": True}
    assert f"Deleting the organization 'Acme' ({scene.ids['org_id']}) for good" in said()
    assert [each.id for each in scene.emulator.organizations()] == [scene.emulator.owner.id]


@pytest.mark.parametrize(
    "given",
    [{"expected_name": "ACME"}, {"expected_name": "None"}, {"expected_name": ""}, {"ignore_if_missing": "maybe"}],
)
def test_a_deletion_that_may_be_a_mistake_fails_the_task_and_deletes_nothing(
    scene: Scene, context: Context, given: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException):
        delete(scene, context(try_number=2), **given)
    assert named(scene, "Acme").id == scene.ids["org_id"]


def test_the_partners_own_organization_is_refused_here_and_not_only_by_polytomic(
    scene: Scene, context: Context
) -> None:
    owner = scene.emulator.owner
    with pytest.raises(AirflowFailException, match="itself belongs to"):
        delete(scene, context(), org_id=owner.id, expected_name=owner.name, ignore_if_missing=True)
    assert scene.emulator.received("delete_organization") == []


@pytest.mark.parametrize(
    ("try_number", "ignore", "is_error"),
    [(1, False, True), (1, "False", True), (1, True, False), (1, "True", False), (2, False, False)],
)
def test_what_is_missing_is_an_error_of_the_first_try_unless_that_is_ignored(
    scene: Scene, context: Context, said: Said, *, try_number: int, ignore: bool | str, is_error: bool
) -> None:
    given = {"org_id": NOBODY.upper(), "expected_name": "Globex", "ignore_if_missing": ignore}
    if is_error:
        with pytest.raises(AirflowFailException, match="no such organization"):
            delete(scene, context(try_number=try_number), **given)
        return
    returned = delete(scene, context(try_number=try_number), **given)
    assert returned == {"id": NOBODY, "name": "Globex", "deleted": False}
    assert f"There is no organization {NOBODY.upper()}" in said()


@pytest.mark.parametrize(("try_number", "ignore"), [(1, True), (2, False)])
def test_a_mistyped_id_is_not_taken_for_missing_while_the_name_is_there(
    scene: Scene, context: Context, try_number: int, ignore: bool
) -> None:
    with pytest.raises(AirflowFailException, match=rf"but 'Acme' is {scene.ids['org_id']}\. Nothing was removed"):
        delete(scene, context(try_number=try_number), org_id=NOBODY, ignore_if_missing=ignore)


def test_the_id_in_a_result_is_canonical(scene: Scene, context: Context) -> None:
    org_id = scene.ids["org_id"]
    assert delete(scene, context(), org_id=org_id.upper()) == {"id": org_id, "name": "Acme", "deleted": True}


def test_the_partners_own_organization_is_no_customers(scene: Scene, context: Context) -> None:
    with pytest.raises(AirflowFailException, match="the partner's own organization"):
        create(scene, context, name=scene.emulator.owner.name)
