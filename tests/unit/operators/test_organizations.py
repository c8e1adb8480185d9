"""Operators for organizations: effects, results and log lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicAlreadyExistsError,
    PolytomicConfigurationError,
    PolytomicNotFoundError,
)
from airflow_provider_polytomic.operators.organizations import (
    PolytomicCreateOrganizationOperator,
    PolytomicDeleteOrganizationOperator,
    PolytomicUpdateOrganizationOperator,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.testing import Organization
    from tests.fixtures import Scene

    Context = Callable[..., Any]
    Logged = Callable[[], str]

NOBODY = "00000000-0000-4000-8000-000000000000"
RENDERED_TO_NOTHING = {"sso_domain": "None", "sso_org_id": ""}


def create(scene: Scene, context: Context, **given: Any) -> dict[str, Any]:
    operator = PolytomicCreateOrganizationOperator(task_id="create", **{"name": "Globex", **given})
    returned: dict[str, Any] = operator.execute(context())
    return returned


def update(scene: Scene, context: Context, **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"org_id": scene.ids["org_id"], **given}
    returned: dict[str, Any] = PolytomicUpdateOrganizationOperator(task_id="update", **arguments).execute(context())
    return returned


def delete(scene: Scene, context: Any, **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"org_id": scene.ids["org_id"], "expected_name": "Acme", **given}
    returned: dict[str, Any] = PolytomicDeleteOrganizationOperator(task_id="delete", **arguments).execute(context)
    return returned


def named(scene: Scene, name: str) -> Organization:
    (found,) = (each for each in scene.emulator.organizations() if each.name == name)
    return found


def test_it_is_created_once_and_says_which_try_made_it(scene: Scene, context: Context, logged: Logged) -> None:
    first = create(scene, context)
    assert first == {"id": named(scene, "Globex").id, "name": "Globex", "created": True}
    assert f"Created the organization 'Globex' ({first['id']})" in logged()
    assert create(scene, context) == {**first, "created": False}
    assert "exists already" in logged()
    assert len(scene.emulator.received("create_organization")) == 1


def test_it_is_created_with_how_its_users_sign_in(scene: Scene, context: Context) -> None:
    create(scene, context, sso_domain="globex.example", sso_org_id="org_01H")
    made = named(scene, "Globex")
    assert (made.sso_domain, made.sso_org_id) == ("globex.example", "org_01H")


def test_parameters_that_render_to_nothing_are_left_out(scene: Scene, context: Context) -> None:
    create(scene, context, **RENDERED_TO_NOTHING)
    assert json.loads(scene.emulator.received("create_organization")[-1].body) == {"name": "Globex"}


def test_fail_makes_the_task_fail_where_it_exists(scene: Scene, context: Context) -> None:
    with pytest.raises(PolytomicAlreadyExistsError) as caught:
        create(scene, context, name="Acme", if_exists="fail")
    assert caught.value.reason == "exists_already"


@pytest.mark.parametrize(
    ("name", "value"), [("name", ""), ("name", " Acme"), ("if_exists", "None"), ("sso_domain", ["x"])]
)
def test_an_invalid_parameter_fails_the_task_before_any_request(
    scene: Scene, context: Context, name: str, value: object
) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        create(scene, context, **{name: value})
    assert caught.value.fields == (name,)
    assert scene.emulator.requests == []


def test_an_update_changes_what_is_given_and_nothing_else(scene: Scene, context: Context, logged: Logged) -> None:
    update(scene, context, sso_domain="acme.example", sso_org_id="org_01H")
    assert update(scene, context, name="Acme 2", **RENDERED_TO_NOTHING) == {"id": scene.ids["org_id"], "name": "Acme 2"}
    changed = named(scene, "Acme 2")
    assert (changed.sso_domain, changed.sso_org_id) == ("acme.example", "org_01H")
    assert f"Updated the organization 'Acme 2' ({changed.id})" in logged()
    update(scene, context, clear_settings="sso_domain")
    assert (named(scene, "Acme 2").sso_domain, named(scene, "Acme 2").sso_org_id) == (None, "org_01H")


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ()),
        ({"name": "None", **RENDERED_TO_NOTHING, "clear_settings": ""}, ()),
        ({"clear_settings": 7}, ("clear_settings",)),
        ({"name": "Acme 2\n"}, ("name",)),
    ],
)
def test_an_invalid_update_fails_the_task_before_any_request(
    scene: Scene, context: Context, given: dict[str, Any], fields: tuple[str, ...]
) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        update(scene, context, **given)
    assert caught.value.fields == fields
    assert scene.emulator.requests == []


def test_a_deletion_logs_the_organization_first(scene: Scene, context: Context, logged: Logged) -> None:
    assert delete(scene, context()) == {"id": scene.ids["org_id"], "name": "Acme", "deleted": True}
    assert f"Deleting the organization 'Acme' ({scene.ids['org_id']}) for good" in logged()
    assert [each.id for each in scene.emulator.organizations()] == [scene.emulator.owner.id]


@pytest.mark.parametrize(
    "given",
    [{"expected_name": "ACME"}, {"expected_name": "None"}, {"expected_name": ""}, {"ignore_if_missing": "maybe"}],
)
def test_a_deletion_that_may_be_a_mistake_fails_the_task_and_deletes_nothing(
    scene: Scene, context: Context, given: dict[str, Any]
) -> None:
    with pytest.raises(PolytomicConfigurationError):
        delete(scene, context(try_number=2), **given)
    assert named(scene, "Acme").id == scene.ids["org_id"]


@pytest.mark.parametrize(
    ("try_number", "ignore", "is_error"),
    [(1, False, True), (1, "False", True), (1, True, False), (1, "True", False), (2, False, False)],
)
def test_what_is_missing_is_an_error_of_the_first_try_unless_that_is_ignored(
    scene: Scene, context: Context, logged: Logged, *, try_number: int, ignore: bool | str, is_error: bool
) -> None:
    given = {"org_id": NOBODY.upper(), "expected_name": "Globex", "ignore_if_missing": ignore}
    if is_error:
        with pytest.raises(PolytomicNotFoundError) as caught:
            delete(scene, context(try_number=try_number), **given)
        assert caught.value.status == 404
        return
    returned = delete(scene, context(try_number=try_number), **given)
    assert returned == {"id": NOBODY, "name": "Globex", "deleted": False}
    assert f"There is no organization {NOBODY.upper()}" in logged()
