"""Is what docs/offboard-a-customer.md says true? What is left wherever it stops, what is refused, what stays."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, issue
from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicDeleteStoredApiKeyOperator,
)
from airflow_provider_polytomic.operators.organizations import PolytomicDeleteOrganizationOperator
from airflow_provider_polytomic.operators.users import PolytomicDeleteUserOperator
from airflow_provider_polytomic.secret_stores.opening import open_store
from airflow_provider_polytomic.targets import Target
from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.docs.mortal import Killed, Mortal
from tests.docs.pages import codes, page_text, rows
from tests.scene import CONNECTION, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = "docs/offboard-a-customer.md"
OPERATORS = {
    "PolytomicDeleteUserOperator": "delete_user",
    "PolytomicDeleteStoredApiKeyOperator": "delete_stored_api_key",
    "PolytomicDeleteOrganizationOperator": "delete_organization",
}
TASKS = tuple(OPERATORS.values())


def context(try_number: int = 1) -> dict[str, Any]:
    now = datetime(2031, 1, 6, tzinfo=UTC)
    run = SimpleNamespace(run_after=now, logical_date=now, data_interval_end=now, run_type="manual")
    return {"dag_run": run, "ti": SimpleNamespace(map_index=-1, try_number=try_number)}


def issued(scene: Scene) -> str:
    PolytomicCreateApiKeyOperator(task_id="issue", destination=CONNECTION, retries=1, **scene.ids).execute(context())
    return scene.emulator.live_key(scene.user.id)


def perform(scene: Scene, task: str, try_number: int = 1, **given: Any) -> dict[str, Any]:
    org_id = scene.user.organization_id
    operators: dict[str, Callable[..., Any]] = {
        "delete_user": lambda **more: PolytomicDeleteUserOperator(
            **{**scene.ids, "expected_email": scene.user.email, **more}
        ),
        "delete_stored_api_key": lambda **more: PolytomicDeleteStoredApiKeyOperator(
            **{"destination": CONNECTION, **more}
        ),
        "delete_organization": lambda **more: PolytomicDeleteOrganizationOperator(
            **{"org_id": org_id, "expected_name": "Acme", **more}
        ),
    }
    returned: dict[str, Any] = operators[task](task_id=task, **given).execute(context(try_number))
    return returned


def state(scene: Scene, key: str) -> list[str]:
    exists = [each.id == scene.user.organization_id for each in scene.emulator.organizations()]
    works = any(exists) and key in scene.emulator.keys_of(scene.user.id)
    return ["yes" if each else "no" for each in (works, scene.stored() == key, any(exists))]


def test_wherever_it_stops_the_row_is_true_and_the_next_try_ends_in_the_last_one(scene: Scene):
    told = rows(PAGE, "Why in this order")
    assert [codes(row[0]) for row in told] == [[], *([task] for task in TASKS)]
    key = issued(scene)
    for row, task in zip(told, (None, *TASKS), strict=True):
        if task:
            assert perform(scene, task)["deleted"] is True
        assert state(scene, key) == row[1:]
    for task in TASKS:
        assert perform(scene, task, try_number=2)["deleted"] is False
    assert state(scene, key) == told[-1][1:]


@pytest.mark.parametrize(("operator", "task"), list(OPERATORS.items()))
def test_it_returns_what_its_section_says(operator: str, task: str, scene: Scene):
    issued(scene)
    (told,) = re.findall(rf"### {operator}\n\nIt returns (.*?)[;.]", page_text(PAGE))
    for each in TASKS[: TASKS.index(task)]:
        perform(scene, each)
    assert list(perform(scene, task)) == codes(told)


@pytest.mark.parametrize(("row", "task"), list(zip(rows(PAGE, "What is gone already"), TASKS, strict=True)))
def test_what_is_gone_is_met_as_the_row_says(row: list[str], task: str, scene: Scene):
    key = issued(scene)
    for each in TASKS[: TASKS.index(task) + 1]:
        perform(scene, each)
    _, first, second = row
    if first == "fails":
        with pytest.raises(AirflowFailException, match="404"):
            perform(scene, task)
        assert perform(scene, task, ignore_if_missing=True)["deleted"] is False
    else:
        assert first.endswith("`deleted` is `false`")
        assert perform(scene, task)["deleted"] is False
    assert second.endswith("`deleted` is `false`") or second == "the same"
    assert perform(scene, task, try_number=2)["deleted"] is False
    assert key not in scene.emulator.keys_of(scene.user.id)


def another_address(scene: Scene) -> dict[str, Any]:
    return {"expected_email": "bob@acme.example"}


def own_user(scene: Scene) -> dict[str, Any]:
    admin = scene.emulator.add_user(scene.user.organization_id, "eve@acme.example", [scene.emulator.role_id("Admin")])
    key = scene.emulator.give_key(admin.id)
    scene.put("admin", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    return {"org_id": "current", "user_id": admin.id, "expected_email": None, "polytomic_conn_id": "admin"}


def live(scene: Scene) -> dict[str, Any]:
    return {}


def of_another_connection(scene: Scene) -> dict[str, Any]:
    other = scene.emulator.add_organization("Zenith")
    admin = scene.emulator.add_user(other.id, "zoe@zenith.example", [scene.emulator.role_id("Admin")])
    key = scene.emulator.give_key(admin.id)
    scene.put("zenith", conn_type="polytomic", host=scene.emulator.base_url, password=key)
    return {"polytomic_conn_id": "zenith"}


def a_strangers(scene: Scene) -> dict[str, Any]:
    scene.put("warehouse", conn_type="postgres", host="db.example.com", password="a-password")
    return {"destination": "airflow://connection/warehouse"}


def interrupted(scene: Scene) -> dict[str, Any]:
    destination = "airflow://connection/other_polytomic"
    with closing(PolytomicHook()) as hook:
        store = open_store(destination, issuer=hook.base_url)
        mortal: Any = Mortal(hook, "create_api_key", 1)
        with pytest.raises(Killed):
            issue(mortal, store, Target.parse(**scene.ids), Ensure(), hide=lambda _key: None)
    return {"destination": destination}


def the_callers(scene: Scene) -> dict[str, Any]:
    partner = scene.entries()["polytomic_default"]
    scene.put("copy_of_partner", **partner)
    return {"destination": "airflow://connection/copy_of_partner", "take_over": True}


def another_name(scene: Scene) -> dict[str, Any]:
    return {"expected_name": "acme"}


def owner(scene: Scene) -> dict[str, Any]:
    return {"org_id": scene.emulator.owner.id, "expected_name": scene.emulator.owner.name}


# In the order of the rows; the flag is that of the row's last column.
REFUSED: list[Callable[[Scene], dict[str, Any]]] = [
    another_address, own_user, live, of_another_connection, a_strangers, interrupted, the_callers, another_name, owner,
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "found"), [pytest.param(r, f, id=r[0]) for r, f in zip(rows(PAGE, "What is refused"), REFUSED, strict=True)]
)
def test_what_is_refused_stays_unless_the_flag_of_the_row_is_set(
    row: list[str], found: Callable[[Scene], dict[str, Any]], scene: Scene
):
    issued(scene)
    task, given = OPERATORS[codes(row[1])[0]], found(scene)
    before = scene.entries(), scene.emulator.all_keys(), scene.emulator.organizations()
    users = scene.emulator.users_of(scene.user.organization_id)
    with pytest.raises(AirflowFailException, match=r"Nothing was|nothing was"):
        perform(scene, task, **given)
    assert (scene.entries(), scene.emulator.all_keys(), scene.emulator.organizations()) == before
    assert scene.emulator.users_of(scene.user.organization_id) == users
    for flag in codes(row[2]):
        name, value = flag.split("=")
        assert perform(scene, task, **given, **{name: json.loads(value.lower())})["deleted"] is True
        assert given.get("destination", CONNECTION).rpartition("/")[2] not in scene.entries()


def test_a_second_try_without_an_address_does_not_take_a_missing_user_for_removed(scene: Scene):
    perform(scene, "delete_user")
    with pytest.raises(AirflowFailException, match="404"):
        perform(scene, "delete_user", try_number=2, expected_email=None)
    assert perform(scene, "delete_user", expected_email=None, ignore_if_missing=True)["deleted"] is False


@pytest.mark.parametrize("given", [{"try_number": 2}, {"ignore_if_missing": True}], ids=str)
@pytest.mark.parametrize("task", ["delete_user", "delete_organization"])
def test_a_mistyped_id_is_not_taken_for_gone(task: str, given: dict[str, Any], scene: Scene):
    mistyped: dict[str, Any] = {
        "user_id" if task == "delete_user" else "org_id": "00000000-0000-4000-8000-000000000000"
    }
    with pytest.raises(AirflowFailException, match="Nothing was"):
        perform(scene, task, **mistyped, **given)


def test_of_files_nothing_stays(scene: Scene):
    issued(scene)
    perform(scene, "delete_user")
    perform(scene, "delete_stored_api_key")
    assert scene.connections.exists()
    assert "acme_polytomic" not in scene.entries()
    assert [file.name for file in scene.connections.parent.rglob("*acme_polytomic*")] == []


@pytest.mark.parametrize("finished", [True, False], ids=["run again", "taken over"])
def test_a_variable_that_an_interrupted_issuance_has_stored_goes_as_the_page_says(finished: bool, scene: Scene):
    destination = "airflow://variable/acme_api_key"
    issued_by = PolytomicCreateApiKeyOperator(task_id="issue", destination=destination, retries=1, **scene.ids)
    with closing(PolytomicHook()) as hook:
        store = open_store(destination, issuer=hook.base_url)
        mortal: Any = Mortal(store, "write", 1)
        with pytest.raises(Killed):
            issue(hook, mortal, Target.parse(**scene.ids), Ensure(), hide=lambda _key: None)
    with pytest.raises(AirflowFailException, match=r"run the issuing task again.*take_over=True"):
        perform(scene, "delete_stored_api_key", destination=destination)
    if finished:
        issued_by.execute(context())
    perform(scene, "delete_user")
    given = {} if finished else {"take_over": True}
    assert perform(scene, "delete_stored_api_key", destination=destination, **given)["deleted"] is True
    assert json.loads(scene.connections.with_name("variables.json").read_text()) == {}
