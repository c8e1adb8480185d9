"""Properties of every operator: parameters, copies, serialisation, names, errors and a kill."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import traceback
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS, AirflowFailException, BaseOperator
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicConnectionError,
    PolytomicError,
    PolytomicTaskStoppedError,
)
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.fixtures import CONNECTION
from tests.unit.operators.cases import ALL, ENDPOINTS, LISTS, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fixtures import Scene

    Context = Callable[..., Any]
    Kind = type[PolytomicOperator]

IDS = {"org_id": "248df4b7-aa70-47b8-a036-33ac447e668d", "user_id": "0ecd09c1-b901-4d27-9053-f0367c427254"}
each = pytest.mark.parametrize("kind", ALL)
each_that_asks = pytest.mark.parametrize("kind", ENDPOINTS)


# Fields whose default would change who acts, on what, or whether anything changes at all.
NEVER_DROPPED = {
    "allow_failures", "allow_active_key", "check_only", "force", "polytomic_conn_id", "shard", "shards",
    "skip_if_not_due", "take_over",
}  # fmt: skip


@each
def test_a_template_that_renders_to_none_is_not_the_default(scene: Scene, context: Context, kind: Kind) -> None:
    for name in sorted(NEVER_DROPPED.intersection(kind.template_fields)):
        operator = made(kind, scene.ids, **{name: "{{ params.given }}"})
        setattr(operator, name, None)  # the result of native rendering for a parameter without a value
        with pytest.raises(PolytomicConfigurationError) as caught:
            operator.execute(context())
        assert (caught.value.reason, caught.value.fields) == ("rendered_to_nothing", (name,))
    assert scene.emulator.requests == []


@each
def test_no_flag_and_no_shard_can_be_dropped(kind: Kind) -> None:
    annotations = {name: str(each.annotation) for name, each in signature(kind.__init__).parameters.items()}
    flags = {name for name, annotation in annotations.items() if "bool" in annotation}
    # Its default is the safe one: what is missing is an error.
    flags.discard("ignore_if_missing")
    assert kind._acting_fields == flags | {"shard", "shards"} & set(kind.template_fields)
    assert {"polytomic_conn_id", *kind._acting_fields} == NEVER_DROPPED & set(kind.template_fields)


def parameters(kind: Kind) -> dict[str, Any]:
    """Return the operator's own parameters with their defaults."""
    return {
        name: each.default
        for name, each in signature(kind.__init__).parameters.items()
        if name not in {"self", "kwargs"}
    }


@each
def test_every_parameter_except_retry_for_is_a_template(kind: Kind) -> None:
    fields = kind.template_fields
    texts: dict[str, Any] = {field: "{{ given }}-" + field for field in fields}
    operator: Any = kind(task_id="task", **texts)
    rendering: Any = {"given": "x"}
    operator.render_template_fields(rendering)
    assert {field: getattr(operator, field) for field in fields} == {field: f"x-{field}" for field in fields}
    assert {*fields, "retry_for"} == parameters(kind).keys()


@each
def test_an_omitted_parameter_is_none_so_that_airflow_does_not_serialise_it(kind: Kind) -> None:
    optional = {name: value for name, value in parameters(kind).items() if value is not signature(kind).empty}
    assert optional.pop("retry_for") == 60.0
    optional.pop("max_age", None)
    assert set(optional.values()) == {None}
    operator = made(kind, IDS)
    # One level of __init__: Airflow wraps each of them.
    assert [cls for cls in kind.__mro__ if issubclass(cls, PolytomicOperator) and "__init__" in vars(cls)] == [kind]
    assert operator.multiple_outputs is (kind not in LISTS)
    assert made(kind, IDS, multiple_outputs=False).multiple_outputs is False


@each
def test_nothing_of_airflows_own_operator_is_hidden(kind: Kind) -> None:
    airflows = {*dir(BaseOperator(task_id="bare")), *signature(BaseOperator.__init__).parameters} - {"self", "kwargs"}
    assert not parameters(kind).keys() & airflows
    assert not set(kind.template_fields) & airflows
    ours = {name for cls in kind.__mro__ if issubclass(cls, PolytomicOperator) for name in vars(cls)}
    meant = {"template_fields", "ui_color", "execute", "on_kill"}
    assert {name for name in ours & airflows if not name.startswith(("__", "_abc", "_BaseOperator"))} <= meant
    # All other attributes are private.
    assert {name for name in ours - set(kind.template_fields) if name[0] != "_"} <= meant


@each
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda operator: pickle.loads(pickle.dumps(operator))])
def test_it_can_be_copied_and_pickled_even_after_on_kill(kind: Kind, duplicate: Any) -> None:
    operator = made(kind, IDS)
    operator.on_kill()
    twin = duplicate(operator)
    assert {name: getattr(twin, name) for name in kind.template_fields} == {
        name: getattr(operator, name) for name in kind.template_fields
    }
    assert twin._is_killed()


@each
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda operator: pickle.loads(pickle.dumps(operator))])
def test_it_can_be_copied_and_pickled_after_it_was_executed(
    kind: Kind, scene: Scene, context: Context, duplicate: Any
) -> None:
    operator = made(kind, scene.ids)
    operator.execute(context())
    twin = duplicate(operator)
    operator.on_kill()
    assert not twin._is_killed()
    assert type(twin) is kind


@each
def test_it_is_serialised_mapped_or_not(kind: Kind) -> None:
    with DAG("serialised", schedule=None) as dag:
        made(kind, IDS)
        kind.partial(task_id="many").expand_kwargs([])
    module: Any = import_module("airflow.serialization.serialized_objects")
    serialised = (module.DagSerialization if AIRFLOW_V_3_0_PLUS else module.SerializedDAG).to_dict(dag)
    tasks = {task["__var"]["task_id"]: task["__var"] for task in json.loads(json.dumps(serialised))["dag"]["tasks"]}
    assert tasks["task"]["template_fields"] == list(kind.template_fields)
    assert tasks["many"]["_is_mapped"] is True
    assert not [name for name in tasks["task"] if any(word in name for word in ("password", "secret", "token"))]


@each_that_asks
def test_it_returns_small_json(kind: Kind, scene: Scene, context: Context) -> None:
    returned = made(kind, scene.ids).execute(context())
    assert json.loads(json.dumps(returned)) == returned
    for found in returned if isinstance(returned, list) else [returned]:
        assert None not in found.values()
    assert scene.emulator.partner_key not in json.dumps(returned)


@each_that_asks
def test_a_mapped_instance_is_named_after_its_distinguishing_parameter(
    kind: Kind, scene: Scene, context: Context
) -> None:
    operator, mapped = made(kind, scene.ids), context(map_index=2)
    operator.execute(mapped)
    rendering: Any = {**mapped, "task": operator}
    rendered = operator.render_template(mapped["map_index_template"], rendering)
    assert rendered == getattr(operator, kind._map_index_field)
    assert rendered


@each_that_asks
@pytest.mark.parametrize("status", [401, 422])
def test_a_permanent_error_fails_the_task_at_once(kind: Kind, scene: Scene, context: Context, status: int) -> None:
    scene.emulator.inject(f"status:{status} endpoint={ENDPOINTS[kind]} times=always")
    operator = made(kind, scene.ids)
    with pytest.raises(PolytomicError) as caught:
        operator.execute(context())
    assert isinstance(caught.value, AirflowFailException)
    message = str(caught.value).lower()
    assert [value for value in operator._describe().values() if value.lower() not in message] == []
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    assert len(scene.emulator.received(ENDPOINTS[kind])) == 1


@pytest.mark.parametrize(
    ("message", "notes"),
    [
        ("No answer.", ["(Organization {org_id}, user {user_id}, destination {destination})"]),
        ("No answer for user {user_id} of {org_id}.", ["(Destination {destination})"]),
        ("No answer for {user_id}, {org_id} and {destination}.", []),
    ],
)
def test_an_error_gets_a_note_with_the_part_of_the_subject_that_it_does_not_name(
    scene: Scene, message: str, notes: list[str]
) -> None:
    subject = {**scene.ids, "destination": CONNECTION}
    error = PolytomicConnectionError(message.format(**subject))
    operator = made(PolytomicCreateApiKeyOperator, {name: value.upper() for name, value in scene.ids.items()})
    operator._add_subject(error)
    found = [note.lower() for note in getattr(error, "__notes__", [])]
    assert found == [note.format(**subject).lower() for note in notes]


@each_that_asks
@pytest.mark.parametrize("fault", ["drop when=after", "status:503"])
def test_a_temporary_error_makes_airflow_retry_and_the_retry_succeeds(
    kind: Kind, scene: Scene, context: Context, fault: str
) -> None:
    scene.emulator.inject(f"{fault} endpoint={ENDPOINTS[kind]} times=always")
    operator = made(kind, scene.ids, retry_for=0.5)
    with pytest.raises(PolytomicError) as caught:
        operator.execute(context())
    assert caught.value.retryable is True
    assert not isinstance(caught.value, AirflowFailException)
    text = "".join(traceback.format_exception(caught.value)).lower()
    assert [value for value in operator._describe().values() if value.lower() not in text] == []
    scene.emulator.clear_faults()
    made(kind, scene.ids).execute(context(try_number=2))


@each
@pytest.mark.parametrize("given", [{"polytomic_conn_id": "nowhere"}, {"polytomic_conn_id": ""}, {"retry_for": "soon"}])
def test_an_invalid_parameter_fails_the_task_before_any_request(
    kind: Kind, scene: Scene, context: Context, given: dict[str, Any]
) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        made(kind, scene.ids, **given).execute(context())
    assert isinstance(caught.value, AirflowFailException)
    assert scene.emulator.requests == []


@each_that_asks
def test_pooled_connections_are_closed_even_if_the_error_lives_on(kind: Kind, scene: Scene, context: Context) -> None:
    scene.emulator.inject(f"status:503 endpoint={ENDPOINTS[kind]} times=always")
    with pytest.raises(PolytomicError) as caught:
        made(kind, scene.ids, retry_for=0.5).execute(context())
    port = urlsplit(scene.emulator.base_url).port
    connections = psutil.Process().net_connections("tcp")
    assert [c for c in connections if c.raddr and c.raddr.port == port and c.status == psutil.CONN_ESTABLISHED] == []
    assert caught.tb is not None  # it keeps the frames, and with them the hook, until here


@each_that_asks
def test_after_on_kill_nothing_is_created_and_no_request_repeated(kind: Kind, scene: Scene, context: Context) -> None:
    scene.emulator.inject(f"status:503 endpoint={ENDPOINTS[kind]} times=always")
    operator = made(kind, scene.ids)
    operator.on_kill()
    with pytest.raises(PolytomicError) as caught:
        operator.execute(context())
    assert caught.value.retryable is True
    is_too_late = ENDPOINTS[kind].startswith(("create", "delete"))
    assert len(scene.emulator.received(ENDPOINTS[kind])) == (0 if is_too_late else 1)
    assert isinstance(caught.value, PolytomicTaskStoppedError) is is_too_late


def test_importing_the_operators_for_keys_adds_few_modules_to_base_operator() -> None:
    base = "airflow.sdk" if AIRFLOW_V_3_0_PLUS else "airflow.models.baseoperator"
    code = (
        f"import sys, json; from {base} import BaseOperator; before = set(sys.modules); "
        "import airflow_provider_polytomic.operators.api_keys; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    added = json.loads(done.stdout.splitlines()[-1])
    assert "airflow_provider_polytomic.operators.api_keys" in added
    assert len(added) <= 10, added
