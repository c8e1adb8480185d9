"""What is the same for every operator? Rendering, copies, errors, names, and what is left open behind it."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.exceptions import PolytomicError, PolytomicStoppedError
from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicDeleteStoredApiKeyOperator,
)
from airflow_provider_polytomic.operators.base import PolytomicOperator
from airflow_provider_polytomic.operators.users import PolytomicCreateUserOperator, PolytomicListUsersOperator
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS, AirflowFailException, BaseOperator
from tests.unit.operators.cases import ENDPOINTS, OPERATORS, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scene import Scene

    Context = Callable[..., dict[str, Any]]
    Kind = type[PolytomicOperator]

ALL = (*OPERATORS, PolytomicCreateApiKeyOperator, PolytomicDeleteStoredApiKeyOperator)
each = pytest.mark.parametrize("kind", OPERATORS)
# Where an operator calls a parameter otherwise.
ATTRIBUTES: dict[Kind, dict[str, str]] = {PolytomicCreateUserOperator: {"email": "user_email"}}


@each
def test_every_parameter_but_the_time_is_a_template(kind: Kind) -> None:
    texts = {name: "{{ given }}-" + name for name in kind.template_fields}
    names = {attribute: name for name, attribute in ATTRIBUTES.get(kind, {}).items()}
    given: dict[str, Any] = {names.get(name, name): text for name, text in texts.items()}
    operator: Any = kind(task_id="task", **given)
    assert {name: getattr(operator, name) for name in texts} == texts
    rendering: Any = {"given": "x"}
    operator.render_template_fields(rendering)
    assert {name: getattr(operator, name) for name in texts} == {name: f"x-{name}" for name in texts}
    own = {name for name in vars(operator).keys() - vars(BaseOperator(task_id="bare")) if name[0] != "_"}
    assert own == {*kind.template_fields, "retry_for"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in OPERATORS for name in ("roles", "clear_settings") if name in kind.template_fields],
)
def test_a_list_is_rendered_member_by_member(kind: Kind, scene: Scene, name: str) -> None:
    operator: Any = made(kind, scene, **{name: ["{{ given }}", "fixed"]})
    operator.render_template_fields({"given": "x"})
    assert getattr(operator, name) == ["x", "fixed"]


@each
def test_no_field_is_made_for_a_secret(kind: Kind, scene: Scene) -> None:
    fields = vars(made(kind, scene))
    assert not [name for name in fields if any(word in name for word in ("password", "secret", "token"))]


@each
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda operator: pickle.loads(pickle.dumps(operator))])
def test_it_can_be_copied_and_pickled_also_after_on_kill(kind: Kind, scene: Scene, duplicate: Any) -> None:
    operator = made(kind, scene)
    operator.on_kill()
    twin = duplicate(operator)
    assert {name: getattr(twin, name) for name in kind.template_fields} == {
        name: getattr(operator, name) for name in kind.template_fields
    }
    assert twin.is_killed()


@each
def test_it_is_serialised_mapped_or_not(kind: Kind, scene: Scene) -> None:
    with DAG("serialised", schedule=None) as dag:
        made(kind, scene)
        kind.partial(task_id="many").expand_kwargs([])
    tasks = {task["__var"]["task_id"]: task["__var"] for task in _serialise(dag)["dag"]["tasks"]}
    assert tasks["task"]["template_fields"] == list(kind.template_fields)
    assert tasks["many"]["_is_mapped"] is True
    assert tasks["many"]["ui_color"] == tasks["task"]["ui_color"] == kind.ui_color


def _serialise(dag: Any) -> Any:
    module: Any = import_module("airflow.serialization.serialized_objects")
    serialised = (module.DagSerialization if AIRFLOW_V_3_0_PLUS else module.SerializedDAG).to_dict(dag)
    return json.loads(json.dumps(serialised))


@each
def test_it_returns_small_json_whose_fields_are_pushed_too_unless_it_is_a_list(
    kind: Kind, scene: Scene, context: Context
) -> None:
    operator = made(kind, scene)
    returned = operator.execute(context())
    assert json.loads(json.dumps(returned)) == returned
    is_list = kind is PolytomicListUsersOperator
    assert operator.multiple_outputs is (not is_list)
    for found in returned if is_list else [returned]:
        assert {"id"} < set(found) <= {"id", "name", "email", "org_id", "role_ids", "created", "updated", "deleted"}
    assert scene.emulator.partner_key not in json.dumps(returned)


@each
def test_a_dag_may_have_the_fields_not_pushed(kind: Kind, scene: Scene) -> None:
    assert made(kind, scene, multiple_outputs=False).multiple_outputs is False


@pytest.mark.parametrize("kind", [PolytomicCreateApiKeyOperator, PolytomicDeleteStoredApiKeyOperator])
@pytest.mark.parametrize("given", [{}, {"multiple_outputs": False}])
def test_the_fields_of_the_operators_for_keys_are_pushed_too(kind: Any, scene: Scene, given: dict[str, Any]) -> None:
    ids = scene.ids if kind is PolytomicCreateApiKeyOperator else {}
    operator = kind(task_id="key", destination="x", **ids, **given)
    assert operator.multiple_outputs is given.get("multiple_outputs", True)


@pytest.mark.parametrize("kind", ALL)
def test_nothing_of_airflows_own_operator_is_hidden_by_a_parameter_or_a_field(kind: Kind) -> None:
    airflows = set(dir(BaseOperator(task_id="bare"))) | set(inspect.signature(BaseOperator).parameters)
    signatures = [inspect.signature(each.__init__) for each in kind.__mro__ if issubclass(each, PolytomicOperator)]
    ours = {name for signature in signatures for name in signature.parameters} - {"self", "kwargs"}
    # The one exception: see test_user_email.
    assert (ours & airflows) - {"email"} == set()
    assert set(kind.template_fields) & airflows == set()
    assert ours >= {"polytomic_conn_id", "retry_for"}


@each
def test_a_mapped_instance_is_called_by_what_tells_it_apart(kind: Kind, scene: Scene, context: Context) -> None:
    operator, mapped = made(kind, scene), context(map_index=2)
    operator.execute(mapped)
    rendering: Any = {**mapped, "task": operator}
    rendered = operator.render_template(mapped["map_index_template"], rendering)
    assert rendered == getattr(operator, kind.named_after)
    assert rendered
    # What the metadata database keeps of it.
    setattr(operator, kind.named_after, "x" * 251)
    assert operator.render_template(mapped["map_index_template"], rendering) == "x" * 250


@each
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_somebody_must_correct_fails_the_task_at_once(
    kind: Kind, scene: Scene, context: Context, status: int
) -> None:
    scene.emulator.inject(f"status:{status} endpoint={ENDPOINTS[kind]} times=always")
    operator = made(kind, scene)
    with pytest.raises(AirflowFailException) as caught:
        operator.execute(context())
    assert f"answered {status}" in str(caught.value)
    assert f"({operator.subject()})" in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert len(scene.emulator.received(ENDPOINTS[kind])) == 1


@each
@pytest.mark.parametrize("fault", ["drop when=before", "drop when=after", "status:503", "status:429", "status:500"])
def test_what_can_pass_is_raised_so_that_airflow_retries_and_the_retry_succeeds(
    kind: Kind, scene: Scene, context: Context, fault: str
) -> None:
    scene.emulator.inject(f"{fault} endpoint={ENDPOINTS[kind]} times=always")
    operator = made(kind, scene)
    with pytest.raises(PolytomicError) as caught:
        operator.execute(context())
    assert caught.value.retryable is True
    assert f"({operator.subject()})" in "".join(traceback.format_exception(caught.value))
    scene.emulator.clear_faults()
    made(kind, scene, retry_for=10.0).execute(context(try_number=2))


@each
def test_the_subject_names_whom_it_is_about(kind: Kind, scene: Scene) -> None:
    operator: Any = made(kind, scene)
    for name in ("org_id", "user_id", "user_email", "expected_name"):
        assert str(getattr(operator, name, "")) in operator.subject()
    assert operator.subject().startswith("Organization ")


@each
@pytest.mark.parametrize(
    "given",
    [{"polytomic_conn_id": "nowhere"}, {"retry_for": 0}, {"retry_for": "soon"}],
)
def test_a_parameter_that_cannot_be_meant_fails_the_task_before_anything_is_sent(
    kind: Kind, scene: Scene, context: Context, given: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException, match="No request was sent"):
        made(kind, scene, **given).execute(context())
    assert scene.emulator.requests == []


@pytest.mark.parametrize("kind", [kind for kind in OPERATORS if "org_id" in kind.template_fields])
@pytest.mark.parametrize("org_id", ["acme", "", "None", None, 7])
def test_an_organization_that_is_no_id_fails_the_task_before_anything_is_sent(
    kind: Kind, scene: Scene, context: Context, org_id: object
) -> None:
    with pytest.raises(AirflowFailException, match="org_id must be a UUID"):
        made(kind, scene, org_id=org_id).execute(context())
    assert scene.emulator.requests == []


@each
def test_pooled_connections_are_closed_even_if_the_error_lives_on(kind: Kind, scene: Scene, context: Context) -> None:
    scene.emulator.inject(f"status:503 endpoint={ENDPOINTS[kind]} times=always")
    with pytest.raises(PolytomicError) as caught:
        made(kind, scene).execute(context())
    port = urlsplit(scene.emulator.base_url).port
    connections = psutil.Process().net_connections("tcp")
    assert [c for c in connections if c.raddr and c.raddr.port == port and c.status == psutil.CONN_ESTABLISHED] == []
    assert caught.tb is not None  # it holds the frames, and so the hook, until here


@each
def test_after_on_kill_nothing_is_made_and_nothing_sent_again(kind: Kind, scene: Scene, context: Context) -> None:
    scene.emulator.inject(f"status:503 endpoint={ENDPOINTS[kind]} times=always")
    operator = made(kind, scene, retry_for=60.0)
    operator.on_kill()
    with pytest.raises(PolytomicError) as caught:
        operator.execute(context())
    assert caught.value.retryable is True
    is_too_late = ENDPOINTS[kind].startswith(("create", "delete"))
    assert len(scene.emulator.received(ENDPOINTS[kind])) == (0 if is_too_late else 1)
    assert isinstance(caught.value, PolytomicStoppedError) is is_too_late
