"""Asset events of new keys: their aliases, their number, and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic._airflow import assets
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.assets import api_key_asset, api_keys_alias
from airflow_provider_polytomic.operators._events import KeyEvents
from tests.fixtures import CONNECTION
from tests.unit.operators.cases import KEYS, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.operators._base import PolytomicOperator
    from tests.fixtures import Scene

IDS = {"org_id": "248df4b7-aa70-47b8-a036-33ac447e668d", "user_id": "0ecd09c1-b901-4d27-9053-f0367c427254"}
ONE = api_key_asset("airflow://connection/one")
REFERENCE = {"destination": CONNECTION, "fingerprint": "f" * 32, "issued": True}

pytestmark = pytest.mark.usefixtures("airflow_db")  # 2.11 looks the alias up


class Outlet:
    """Value of ``outlet_events`` for one alias."""

    def __init__(self) -> None:
        self.asset_alias_events = self.dataset_alias_events = self.events = list[tuple[Any, Any]]()

    def add(self, asset: Any, extra: Any) -> None:
        self.events.append((asset.uri, extra))


class OutletEvents(dict[Any, Any]):
    def __missing__(self, alias: Any) -> Outlet:
        outlet: Outlet = self.setdefault(alias, Outlet())
        return outlet

    def by_alias(self) -> dict[str, list[Any]]:
        return {alias.name: outlet.events for alias, outlet in self.items()}


def key_events(outlet_events: Any, outlets: list[Any]) -> KeyEvents:
    context: Any = {"outlet_events": outlet_events}
    return KeyEvents(context, outlets)


@pytest.fixture
def outlet_events() -> OutletEvents:
    return OutletEvents()


EVENT = (api_key_asset(CONNECTION).uri, REFERENCE)


@pytest.mark.parametrize(
    ("outlets", "aliases"),
    [
        ([api_keys_alias()], ["polytomic_api_keys"]),
        ([ONE, api_keys_alias("eu")], ["polytomic_api_keys:eu"]),
        ([api_keys_alias("eu"), api_keys_alias()], ["polytomic_api_keys:eu", "polytomic_api_keys"]),
        ([], []),
        ([ONE, assets.new_alias("anothers"), assets.new_alias("polytomic_api_keys_of_another")], []),
    ],
)
def test_a_new_key_has_an_event_under_each_of_our_aliases_and_no_other(
    outlet_events: OutletEvents, outlets: list[Any], aliases: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    key_events(outlet_events, outlets).emit_event(CONNECTION, REFERENCE)
    assert outlet_events.by_alias() == {alias: [EVENT] for alias in aliases}
    assert caplog.records == []


def test_an_event_says_that_the_key_is_new_whichever_try_emits_it(outlet_events: OutletEvents) -> None:
    events = key_events(outlet_events, [api_keys_alias()])
    # The reference of a retry that finds a key which an earlier try issued.
    events.emit_event(CONNECTION, {**REFERENCE, "issued": False})
    assert outlet_events.by_alias() == {"polytomic_api_keys": [EVENT]}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    ("default", "outlets", "meant"),
    [
        (None, None, []),
        (None, [ONE], [ONE]),
        (None, [api_keys_alias("eu")], [api_keys_alias("eu")]),
        ([api_keys_alias()], None, [api_keys_alias()]),
    ],
)
def test_the_outlets_are_those_of_the_dag_and_nothing_is_added(
    kind: type[PolytomicOperator], default: Any, outlets: Any, meant: list[Any]
) -> None:
    with DAG("outlets", schedule=None, default_args={"outlets": default} if default else {}):
        assert made(kind, IDS, **({"outlets": outlets} if outlets else {})).outlets == meant


@pytest.mark.parametrize("kind", KEYS)
def test_each_operator_that_issues_emits_one_event_for_a_new_key_and_none_for_a_kept_one(
    scene: Scene, context: Callable[..., Any], outlet_events: OutletEvents, kind: type[PolytomicOperator]
) -> None:
    operator = made(kind, scene.ids, outlets=[api_keys_alias()])
    for _ in range(2):
        operator.execute(context(outlet_events=outlet_events))
    ((uri, extra),) = outlet_events.by_alias()["polytomic_api_keys"]
    assert uri == api_key_asset(CONNECTION).uri
    assert set(extra) == {"destination", "fingerprint", "issued", "issued_at", "org_id", "server", "user_id"}
    assert extra["server"] == scene.emulator.base_url
    # 2.11 hashes them.
    assert {type(value) for value in extra.values()} == {str, bool}


@pytest.mark.parametrize("kind", KEYS)
def test_without_the_alias_a_key_is_issued_without_an_event_or_a_warning(
    scene: Scene, context: Callable[..., Any], logged: Callable[[], str], kind: type[PolytomicOperator]
) -> None:
    made(kind, scene.ids, retries=1).execute(context())
    assert scene.stored() == scene.emulator.live_key(scene.user.id)
    assert "event" not in logged()


@pytest.mark.parametrize("context", [{}, None, {"outlet_events": None}])
@pytest.mark.parametrize(
    ("destination", "shown"),
    [(CONNECTION, CONNECTION), ("postgres://ada:hunter2@db/acme", "An invalid destination")],
)
def test_an_event_that_cannot_be_created_is_a_warning_without_a_password(
    context: Any, destination: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    KeyEvents(context, [api_keys_alias()]).emit_event(destination, REFERENCE)
    (record,) = (each for each in caplog.records if each.name == "airflow_provider_polytomic.operators._events")
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"{shown}: the key is stored, but no DAG scheduled on it starts\n")
    assert "hunter2" not in caplog.text


def test_what_is_one_event_too_many_is_counted_and_reported_once(
    outlet_events: OutletEvents, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT", "0.5")
    most = assets.max_events()
    events = key_events(outlet_events, [api_keys_alias(), api_keys_alias("eu")])
    for _ in range(most + 7):
        events.emit_event(CONNECTION, REFERENCE)
    assert [len(found) for found in outlet_events.by_alias().values()] == [most, most]
    assert most == (10 if AIRFLOW_V_3_0_PLUS else 1000)
    assert caplog.records == []
    events.warn_about_dropped_events()
    assert [record.getMessage().split()[0] for record in caplog.records] == ["7"]


def test_a_name_on_2_11_is_known_to_the_database_and_on_3_needs_no_help() -> None:
    assets.make_alias_known("polytomic_api_keys:eu")
    assets.make_alias_known("polytomic_api_keys:eu")
    if not AIRFLOW_V_3_0_PLUS:
        from airflow.models.dataset import DatasetAliasModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            found = session.scalars(select(DatasetAliasModel.name)).all()
        assert found.count("polytomic_api_keys:eu") == 1
