"""Parameters after rendering: their values, and templates that must not disable a safeguard."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.exceptions import PolytomicApiError, PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.operators._fields import (
    set_map_index_name,
    to_expected,
    to_optional,
    to_seconds,
    to_shard,
    to_strings,
)
from airflow_provider_polytomic.operators.organizations import PolytomicCreateOrganizationOperator
from airflow_provider_polytomic.operators.users import (
    PolytomicCreateUserOperator,
    PolytomicDeleteUserOperator,
    PolytomicUpdateUserOperator,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fixtures import Scene

    Context = Callable[..., Any]

natively_or_not = pytest.mark.parametrize("natively", [True, False])


def rendered(kind: Any, natively: bool, values: dict[str, Any], **given: Any) -> Any:
    """Return a rendered operator of a DAG that renders natively or not."""
    with DAG("rendering", schedule=None, start_date=datetime(2031, 1, 6, tzinfo=UTC)) as dag:
        dag.render_template_as_native_obj = natively
        operator = kind(task_id="task", **given)
    rendering: Any = values
    operator.render_template_fields(rendering)
    return operator


@natively_or_not
@pytest.mark.parametrize("nothing", [None, "", " ", "None"])
@pytest.mark.parametrize("kind", [PolytomicUpdateUserOperator, PolytomicDeleteUserOperator])
def test_an_expectation_that_renders_to_nothing_does_not_expect_everybody(
    scene: Scene, context: Context, kind: Any, *, natively: bool, nothing: object
) -> None:
    more = {"roles": ["Viewer"]} if kind is PolytomicUpdateUserOperator else {"ignore_if_missing": True}
    operator = rendered(kind, natively, {"given": nothing}, expected_email="{{ given }}", **scene.ids, **more)
    with pytest.raises(PolytomicConfigurationError) as caught:
        operator.execute(context())
    assert (caught.value.reason, caught.value.fields) == ("rendered_to_nothing", ("expected_email",))
    assert scene.emulator.requests == []


@natively_or_not
@pytest.mark.parametrize("roles", ["{{ given }}", ["{{ given }}"]])
@pytest.mark.parametrize("nothing", [None, "", " ", []])
def test_roles_that_render_to_nothing_do_not_give_the_servers_default(
    scene: Scene, context: Context, roles: object, *, natively: bool, nothing: object
) -> None:
    given = {"org_id": scene.ids["org_id"], "user_email": "bob@acme.example", "roles": roles}
    operator = rendered(PolytomicCreateUserOperator, natively, {"given": nothing}, **given)
    with pytest.raises(PolytomicError) as caught:
        operator.execute(context())
    assert caught.value.fields == ("roles",)
    assert scene.emulator.received("create_user") == []


@natively_or_not
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (PolytomicCreateOrganizationOperator, {"name": "Acme"}),
        (PolytomicCreateUserOperator, {"user_email": "ada@acme.example", "org_id": "{{ org_id }}"}),
    ],
)
def test_what_to_do_with_one_that_exists_may_be_a_template(
    scene: Scene, context: Context, kind: Any, given: dict[str, Any], *, natively: bool
) -> None:
    values = {"org_id": scene.ids["org_id"]}
    ignores = rendered(kind, natively, {**values, "mode": "ignore"}, if_exists="{{ mode }}", **given)
    assert ignores.execute(context())["created"] is False
    for mode in ("fail", None):
        refuses = rendered(kind, natively, {**values, "mode": mode}, if_exists="{{ mode }}", **given)
        with pytest.raises(PolytomicError) as caught:
            refuses.execute(context())
        assert caught.value.fields == ("if_exists",)


@pytest.mark.parametrize("status", [403, 503])
def test_a_name_that_holds_a_line_of_its_own_forges_no_line_of_the_log(
    scene: Scene, context: Context, logged: Callable[[], str], status: int
) -> None:
    org_id, forged = scene.ids["org_id"], "INFO all is well"
    eve = scene.emulator.add_user(org_id, f"eve\n{forged}@acme.example")
    globex: dict[str, Any] = {"name": f"Globex\n{forged}"}
    user: dict[str, Any] = {"org_id": org_id, "user_email": f"bob\n{forged}@acme.example"}
    operators: list[Any] = [
        PolytomicCreateOrganizationOperator(task_id="organization", **globex),
        PolytomicCreateUserOperator(task_id="user", **user),
        PolytomicDeleteUserOperator(task_id="gone", org_id=org_id, user_id=eve.id),
    ]
    for operator in operators:
        operator.execute(context())
        scene.emulator.inject(f"status:{status} times=always")
        operator.retry_for = 0.5
        with pytest.raises(PolytomicApiError) as caught:
            operator.execute(context())
        assert caught.value.status == status
        scene.emulator.clear_faults()
        text = "\n".join([logged(), str(caught.value), *getattr(caught.value, "__notes__", ())]).lower()
        assert forged.lower() in text
        assert not [line for line in text.splitlines() if line.startswith(forged.lower())]


@pytest.mark.parametrize(
    ("rendered", "meant"), [("x", "x"), (" x ", " x "), (None, None), ("", None), (" ", None), ("None", None)]
)
def test_a_string_can_be_omitted(rendered: object, meant: str | None) -> None:
    assert to_optional("name", rendered) == meant


@pytest.mark.parametrize(
    ("rendered", "given", "meant"),
    [("x", True, "x"), ("x", False, "x"), (" x", True, " x"), (None, False, None), ("", False, None)],
)
def test_an_expectation_is_what_was_given(rendered: object, given: bool, meant: str | None) -> None:
    assert to_expected("expected_email", rendered, given=given) == meant


@pytest.mark.parametrize("rendered", [None, "", " \n", "None", " None "])
def test_an_expectation_that_was_given_and_is_nothing_now_is_refused(rendered: object) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        to_expected("expected_email", rendered, given=True)
    assert caught.value.fields == ("expected_email",)


@pytest.mark.parametrize("rendered", [1, False, ["x"], {"x": 1}, b"x"])
def test_a_value_that_is_no_string_is_rejected_by_its_name(rendered: object) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        to_optional("name", rendered)
    assert caught.value.fields == ("name",)


@pytest.mark.parametrize(
    ("rendered", "meant"),
    [
        (["Admin", "Viewer"], ("Admin", "Viewer")),
        (("Admin",), ("Admin",)),
        ("Sync Editor", ("Sync Editor",)),
        ([], ()),
        (None, ()),
        ("", ()),
        ("None", ()),
    ],
)
def test_a_list_can_be_one_string_or_nothing(rendered: object, meant: tuple[str, ...]) -> None:
    assert to_strings("roles", rendered) == meant


@pytest.mark.parametrize("rendered", [1, True, {"Admin": 1}, b"Admin", ["Admin", ""], ["Admin", None], [["Admin"]]])
def test_a_value_that_is_no_list_of_strings_is_rejected_by_its_name(rendered: object) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        to_strings("roles", rendered)
    assert caught.value.fields == ("roles",)


@pytest.mark.parametrize(("given", "meant"), [(60, 60.0), (0.5, 0.5), ("60", 60.0)])
def test_seconds_can_be_a_string(given: object, meant: float) -> None:
    assert to_seconds("retry_for", given) == meant


@pytest.mark.parametrize("given", [0, -1, True, None, "", "soon", "nan", float("inf"), []])
def test_a_value_that_is_no_duration_is_rejected_by_its_name(given: object) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        to_seconds("retry_for", given)
    assert caught.value.fields == ("retry_for",)


@pytest.mark.parametrize(
    ("map_index", "own", "template"),
    [
        (-1, None, None),
        (0, None, "{{ (task.email | string)[:250] }}"),
        (3, None, "{{ (task.email | string)[:250] }}"),
        (0, "{{ x }}", "{{ x }}"),
    ],
)
def test_only_a_mapped_instance_without_a_name_gets_one(map_index: int, own: str | None, template: str | None) -> None:
    context: Any = {"ti": SimpleNamespace(map_index=map_index), "map_index_template": own}
    set_map_index_name(context, "email")
    assert context["map_index_template"] == template


@pytest.mark.parametrize(
    ("shard", "shards", "meant"),
    [
        (0, 1, (0, 1)),
        ("3", "8", (3, 8)),
        (7, "8", (7, 8)),
        (" 0\n", "1", (0, 1)),
        ("007", 8, (7, 8)),
        (None, None, (0, 1)),
    ],
)
def test_a_shard_is_a_number_or_its_digits(shard: object, shards: object, meant: tuple[int, int]) -> None:
    assert to_shard(shard, shards) == meant


@pytest.mark.parametrize(
    ("shard", "shards"),
    [
        (-1, 8), (8, 8), ("8", "8"), (0, 0), ("range(0, 8)", 8), (0, ""), (True, 2), (1.0, 2), ("1e0", 2), ("٣", 8),
    ],
)  # fmt: skip
def test_a_shard_that_cannot_exist_is_rejected(shard: object, shards: object) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        to_shard(shard, shards)
    assert "shard" in str(caught.value)
    assert "No request was sent." in str(caught.value)
