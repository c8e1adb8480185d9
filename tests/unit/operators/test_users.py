"""Operators for users: effects, results and log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.exceptions import (
    PolytomicAlreadyExistsError,
    PolytomicConfigurationError,
    PolytomicNotFoundError,
)
from airflow_provider_polytomic.operators.users import (
    PolytomicCreateUserOperator,
    PolytomicDeleteUserOperator,
    PolytomicListUsersOperator,
    PolytomicUpdateUserOperator,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fixtures import Scene

    Context = Callable[..., Any]
    Logged = Callable[[], str]

NOBODY = "00000000-0000-4000-8000-000000000000"


def create(scene: Scene, context: Any, **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"org_id": scene.ids["org_id"], "user_email": "Bob@Acme.example", **given}
    returned: dict[str, Any] = PolytomicCreateUserOperator(task_id="create", **arguments).execute(context)
    return returned


def update(scene: Scene, context: Any, **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {**scene.ids, "roles": ["Viewer"], **given}
    returned: dict[str, Any] = PolytomicUpdateUserOperator(task_id="update", **arguments).execute(context)
    return returned


def delete(scene: Scene, context: Any, **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {**scene.ids, **given}
    returned: dict[str, Any] = PolytomicDeleteUserOperator(task_id="delete", **arguments).execute(context)
    return returned


def test_a_user_is_created_once_with_one_invitation(scene: Scene, context: Context, logged: Logged) -> None:
    viewer = scene.emulator.role_id("Viewer")
    first = create(scene, context(), roles=["viewer"])
    assert first == {
        "id": first["id"],
        "email": "bob@acme.example",
        "org_id": scene.ids["org_id"],
        "role_ids": [viewer],
        "created": True,
    }
    assert f"Created the user 'bob@acme.example' ({first['id']})" in logged()
    assert create(scene, context(), user_email="BOB@acme.example") == {**first, "created": False}
    assert [invitation.user_id for invitation in scene.emulator.invitations] == [first["id"]]


@pytest.mark.parametrize(
    ("roles", "names"),
    [
        ("Sync Editor", ["Sync Editor"]),
        (["sync editor", "ADMIN"], ["Admin", "Sync Editor"]),
        ([], []),
        ("", []),
        (None, []),
    ],
)
def test_roles_can_be_one_string_a_list_or_nothing(
    scene: Scene, context: Context, roles: object, names: list[str]
) -> None:
    assert scene.emulator.roles_of(create(scene, context(), roles=roles)["id"]) == names


def test_an_existing_user_gets_the_roles(scene: Scene, context: Context, logged: Logged) -> None:
    returned = create(scene, context(), user_email=scene.user.email, roles=["Admin"])
    assert (returned["id"], returned["created"]) == (scene.user.id, False)
    assert returned["role_ids"] == [scene.emulator.role_id("Admin")]
    assert scene.emulator.roles_of(scene.user.id) == ["Admin"]
    assert "other roles than requested" in logged()


def test_fail_makes_the_task_fail_where_the_user_exists(scene: Scene, context: Context) -> None:
    with pytest.raises(PolytomicAlreadyExistsError) as caught:
        create(scene, context(), user_email=scene.user.email, roles=["Admin"], if_exists="fail")
    assert caught.value.reason == "exists_already"
    assert scene.emulator.roles_of(scene.user.id) == []


@pytest.mark.parametrize(
    ("name", "values"), [("user_email", ["", None, 7]), ("roles", [[""], {"x": 1}, "None", " "]), ("if_exists", [""])]
)
def test_an_invalid_parameter_fails_the_task_before_any_request(
    scene: Scene, context: Context, name: str, values: list[object]
) -> None:
    for value in values:
        with pytest.raises(PolytomicConfigurationError) as caught:
            create(scene, context(), **{name: value})
        assert caught.value.fields == (name,)
    assert scene.emulator.requests == []


def test_an_admins_own_key_serves_its_own_organization(scene: Scene, context: Context) -> None:
    update(scene, context(), roles=["Admin"])
    key = scene.emulator.give_key(scene.user.id)
    scene.put("as_ada", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    own: dict[str, Any] = {"org_id": "current", "polytomic_conn_id": "as_ada"}
    bob = create(scene, context(), roles=["Viewer"], **own)
    assert (bob["org_id"], bob["created"]) == (scene.ids["org_id"], True)
    assert update(scene, context(), user_id=bob["id"], roles=["Editor"], **own)["updated"] is True
    listed = PolytomicListUsersOperator(task_id="list", **own).execute(context())
    assert [user["email"] for user in listed] == [scene.user.email, "bob@acme.example"]
    assert {user["org_id"] for user in listed} == {scene.ids["org_id"]}
    with pytest.raises(PolytomicConfigurationError) as caught:
        update(scene, context(), roles=["Viewer"], **own)
    assert caught.value.reason == "own_user"
    with pytest.raises(PolytomicConfigurationError) as caught:
        delete(scene, context(), user_id=scene.user.id, **own)
    assert caught.value.reason == "own_user"
    removed = delete(scene, context(), user_id=bob["id"].upper(), **own)
    assert removed == {"id": bob["id"], "email": "bob@acme.example", "org_id": scene.ids["org_id"], "deleted": True}
    assert scene.emulator.users_of(scene.user.organization_id)[0].id == scene.user.id
    assert {request.path.split("/")[2] for request in scene.emulator.requests[-9:]} <= {
        "organization",
        "me",
        "permissions",
    }


@pytest.mark.parametrize("expected_email", [None, "ADA@acme.example"])
def test_an_update_gives_exactly_the_roles(
    scene: Scene, context: Context, logged: Logged, expected_email: str | None
) -> None:
    viewer = scene.emulator.role_id("Viewer")
    returned = update(scene, context(), expected_email=expected_email)
    assert returned == {"email": scene.user.email, "id": scene.user.id, "org_id": scene.ids["org_id"],
                        "role_ids": [viewer], "updated": True}  # fmt: skip
    assert "has new roles" in logged()
    assert update(scene, context())["updated"] is False
    assert "had these roles" in logged()
    assert len(scene.emulator.received("update_user")) == 1


@pytest.mark.parametrize("roles", [[], "", "None", None])
def test_an_update_without_a_role_fails_the_task_before_anything_is_sent(
    scene: Scene, context: Context, roles: object
) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        update(scene, context(), roles=roles)
    assert caught.value.reason == "roles_missing"
    assert scene.emulator.requests == []


@pytest.mark.parametrize("call", [update, delete])
@pytest.mark.parametrize("expected_email", ["bob@acme.example", "None", "", 7])
def test_a_user_with_another_address_than_expected_or_with_an_expectation_of_nothing_is_left_alone(
    scene: Scene, context: Context, call: Callable[..., Any], expected_email: object
) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        call(scene, context(try_number=2), expected_email=expected_email)
    assert "expected_email" in caught.value.fields
    assert scene.emulator.users_of(scene.user.organization_id) == [scene.user]


def test_a_deletion_logs_the_user_first(scene: Scene, context: Context, logged: Logged) -> None:
    scene.emulator.give_key(scene.user.id)
    returned = delete(scene, context(), expected_email="Ada@acme.example")
    assert returned == {"id": scene.user.id, "email": scene.user.email, "org_id": scene.ids["org_id"], "deleted": True}
    assert f"Deleting the user '{scene.user.email}' ({scene.user.id}) for good" in logged()
    assert scene.emulator.users_of(scene.user.organization_id) == []
    assert scene.emulator.keys_of(scene.user.id) == []


@pytest.mark.parametrize(
    ("try_number", "ignore", "is_error"),
    [(1, False, True), (1, "False", True), (1, True, False), (1, "true", False), (2, False, False)],
)
def test_what_is_missing_is_an_error_of_the_first_try_unless_that_is_ignored(
    scene: Scene, context: Context, logged: Logged, *, try_number: int, ignore: bool | str, is_error: bool
) -> None:
    given = {"user_id": NOBODY, "ignore_if_missing": ignore, "expected_email": "eve@acme.example"}
    if is_error:
        with pytest.raises(PolytomicNotFoundError) as caught:
            delete(scene, context(try_number=try_number), **given)
        assert caught.value.status == 404
        return
    returned = delete(scene, context(try_number=try_number), org_id=scene.ids["org_id"].upper(), **given)
    assert returned == {"id": NOBODY, "email": "eve@acme.example", "org_id": scene.ids["org_id"], "deleted": False}
    assert f"There is no user {NOBODY}" in logged()


def test_a_second_try_that_expects_no_address_does_not_take_missing_for_removed(scene: Scene, context: Context) -> None:
    with pytest.raises(PolytomicNotFoundError) as caught:
        delete(scene, context(try_number=2), user_id=NOBODY)
    assert caught.value.status == 404


def test_users_are_listed_even_if_there_are_none(scene: Scene, context: Context, logged: Logged) -> None:
    org_id = scene.ids["org_id"]
    listing = PolytomicListUsersOperator(task_id="list", org_id=org_id)
    assert listing.execute(context()) == [
        {"id": scene.user.id, "email": scene.user.email, "org_id": org_id, "role_ids": []}
    ]
    assert f"Users of the organization {org_id}: 1." in logged()
    delete(scene, context())
    assert listing.execute(context()) == []
