"""A mistyped destination sends no stored password to Polytomic: over HTTP, with Airflow's own backend."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from airflow_provider_polytomic._issuance import Ensure, Rotate, check, issue
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.exceptions import IssuanceRefusedError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import open_store
from tests.reasons import raises
from tests.runs import renew

if TYPE_CHECKING:
    from tests.fixtures import Scene

PASSWORD = "correct-horse/battery+staple"
URI = f"postgres://loader:{quote(PASSWORD, safe='')}@db.example:5432/warehouse"
WAREHOUSES: dict[str, Any] = {
    "postgres": {"conn_type": "postgres", "host": "db.example", "login": "loader", "password": PASSWORD},
    "URI": URI,
    "list of one": [{"conn_type": "postgres", "password": PASSWORD}],
    "URI as a field": {"uri": URI},
    "no type": {"password": PASSWORD},
    "http": {"conn_type": "http", "host": "https://app.polytomic.com", "password": PASSWORD},
}
MODES = pytest.mark.parametrize("mode", [Ensure(), renew(datetime(2031, 1, 6, tzinfo=UTC))], ids=["ensure", "renew"])


def put(scene: Scene, content: Any) -> bytes:
    scene.connections.write_text(json.dumps(scene.entries() | {"warehouse": content}))
    return scene.connections.read_bytes()


def run(scene: Scene, mode: Ensure | Rotate, *, take_over: bool) -> None:
    hook, target = PolytomicHook(), Target.parse(scene.user.organization_id, scene.user.id)
    store = open_store("airflow://connection/warehouse", issuer=hook.base_url)
    try:
        check(hook, store, target, mode, take_over=take_over)
    finally:
        issue(hook, store, target, mode, hide=lambda _: None, take_over=take_over)
    hook.close()


def carried(scene: Scene) -> str:
    """Everything that the server has received."""
    requests = scene.emulator.requests
    assert requests
    received = [
        part
        for request in requests
        for part in (request.path, *request.query.values(), *request.headers.values(), request.body.decode())
    ]
    return "\n".join([*received, *map(_basic, received)])


def _basic(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    return base64.b64decode(encoded).decode(errors="replace") if scheme == "Basic" else ""


def check_that_nothing_was_carried(scene: Scene) -> None:
    everything = carried(scene)
    for form in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), base64.b64encode(PASSWORD.encode()).decode()):
        assert form not in everything


@MODES
@pytest.mark.parametrize("content", WAREHOUSES.values(), ids=WAREHOUSES)
def test_a_connection_of_another_type_is_left_alone_and_its_password_stays_here(scene: Scene, content, mode):
    before = put(scene, content)
    with raises(IssuanceRefusedError, "foreign_value") as refused:
        run(scene, mode, take_over=False)
    assert PASSWORD not in str(refused.value)
    assert scene.posts == []
    assert scene.connections.read_bytes() == before
    check_that_nothing_was_carried(scene)


@MODES
@pytest.mark.parametrize("content", WAREHOUSES.values(), ids=WAREHOUSES)
def test_even_where_it_may_be_replaced_its_password_is_not_sent(scene: Scene, content, mode):
    put(scene, content)
    run(scene, mode, take_over=True)
    assert scene.stored("warehouse") == scene.emulator.live_key(scene.user.id)
    assert "correct-horse" not in scene.connections.read_text()
    check_that_nothing_was_carried(scene)


@MODES
def test_the_key_of_another_server_is_not_sent_to_this_one(scene: Scene, mode):
    put(
        scene, {"conn_type": "polytomic", "host": "https://polytomic.elsewhere.example", "password": "key-of-elsewhere"}
    )
    with raises(IssuanceRefusedError, "foreign_value"):
        run(scene, mode, take_over=False)
    assert "key-of-elsewhere" not in carried(scene)
    assert scene.posts == []
