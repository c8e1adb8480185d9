"""What becomes of a template when the task runs: can it render a safeguard away, as text or natively?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.operators.organizations import PolytomicCreateOrganizationOperator
from airflow_provider_polytomic.operators.users import (
    PolytomicCreateUserOperator,
    PolytomicDeleteUserOperator,
    PolytomicUpdateUserOperator,
)
from airflow_provider_polytomic.version_compat import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scene import Scene

    Context = Callable[..., dict[str, Any]]

natively_or_not = pytest.mark.parametrize("natively", [True, False])


def rendered(kind: Any, natively: bool, values: dict[str, Any], **given: Any) -> Any:
    """Make the operator in a DAG that renders in one of the two ways, and render it."""
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
    with pytest.raises(
        AirflowFailException, match=r"expected_email was given and renders to nothing.*No request was sent"
    ):
        operator.execute(context())
    assert scene.emulator.requests == []


@natively_or_not
@pytest.mark.parametrize("roles", ["{{ given }}", ["{{ given }}"]])
@pytest.mark.parametrize("nothing", [None, "", " ", []])
def test_roles_that_render_to_nothing_do_not_give_the_servers_default(
    scene: Scene, context: Context, roles: object, *, natively: bool, nothing: object
) -> None:
    given = {"org_id": scene.ids["org_id"], "user_email": "bob@acme.example", "roles": roles}
    operator = rendered(PolytomicCreateUserOperator, natively, {"given": nothing}, **given)
    with pytest.raises(AirflowFailException, match=r"No request was sent|Nothing was changed"):
        operator.execute(context())
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
        with pytest.raises(AirflowFailException, match="if_exists"):
            refuses.execute(context())


@pytest.mark.parametrize("status", [403, 503])
def test_a_name_that_holds_a_line_of_its_own_forges_no_line_of_the_log(
    scene: Scene, context: Context, said: Callable[[], str], status: int
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
        with pytest.raises(Exception, match=f"answered {status}") as caught:
            operator.execute(context())
        scene.emulator.clear_faults()
        told = "\n".join([said(), str(caught.value), *getattr(caught.value, "__notes__", ())]).lower()
        assert forged.lower() in told
        assert not [line for line in told.splitlines() if line.startswith(forged.lower())]
