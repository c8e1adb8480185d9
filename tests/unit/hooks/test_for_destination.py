"""The key and the server of a hook for a destination."""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

CONNECTION, VARIABLE = "airflow://connection/acme", "airflow://variable/acme"
ELSEWHERE = "https://elsewhere.example"


@pytest.fixture
def key(scene):
    """Return a user's key that is stored in a connection and in a Variable."""
    key = scene.emulator.give_key(scene.user.id)
    scene.put("acme", conn_type="polytomic", host=scene.emulator.base_url, password=key, extra={"timeout": 70})
    scene.connections.with_name("variables.json").write_text(json.dumps({"acme": key}))
    return key


def sent(scene):
    (request,) = scene.emulator.requests
    return request.headers["authorization"]


@pytest.mark.parametrize("server", [None, "its own", "polytomic_default"])
def test_a_connection_is_used_with_all_of_its_fields(scene, key, server):
    given = scene.emulator.base_url.upper() if server == "its own" else server
    hook = PolytomicHook.for_destination(CONNECTION, server=given)
    assert hook.get_identity().id == scene.user.id
    assert (sent(scene), hook.polytomic_conn_id, hook.settings.timeout) == (f"Bearer {key}", "acme", 70)


@pytest.mark.parametrize("server", [ELSEWHERE, "other"])
def test_a_connection_to_another_server_is_rejected(scene, key, server):
    scene.put("other", conn_type="polytomic", host=ELSEWHERE, password="another-key")
    with pytest.raises(PolytomicConfigurationError) as caught:
        PolytomicHook.for_destination(CONNECTION, server=server).get_identity()
    assert (caught.value.reason, caught.value.fields) == ("server_mismatch", ("server",))
    assert scene.emulator.requests == []


def test_any_other_key_is_sent_to_the_given_server_without_a_connection(scene, key):
    scene.connections.write_text("{}")
    hook = PolytomicHook.for_destination(VARIABLE, server=scene.emulator.base_url)
    assert hook.get_identity().id == scene.user.id
    assert sent(scene) == f"Bearer {key}"


def test_a_connection_given_as_the_server_provides_its_settings_without_its_login(scene, key):
    login = scene.user.organization_id
    scene.put("lender", conn_type="polytomic", host=scene.emulator.base_url, login=login, extra={"timeout": 90})
    hook = PolytomicHook.for_destination(VARIABLE, server="lender")
    assert hook.get_identity().id == scene.user.id
    assert (sent(scene), hook.polytomic_conn_id, hook.settings.timeout) == (f"Bearer {key}", "lender", 90)


def test_a_key_without_a_server_is_not_sent(scene, key):
    with pytest.raises(PolytomicConfigurationError) as caught:
        PolytomicHook.for_destination(VARIABLE)
    assert (caught.value.reason, caught.value.fields) == ("server_missing", ("server",))


@pytest.mark.parametrize(
    ("destination", "server", "reason"),
    [
        ("airflow://variable/empty", "polytomic_default", "destination_empty"),
        (VARIABLE, "http://far.example", "server_invalid"),
        (VARIABLE, "https://me:hidden-word@far.example", "server_invalid"),
        (VARIABLE, "app.polytomic.com", "connection_missing"),
        ("airflow://connection/gone", None, "connection_missing"),
        ("postgresql://me:hidden-word@db/x", "polytomic_default", None),
    ],
)
def test_an_invalid_destination_or_server_is_rejected_and_not_shown(scene, destination, server, reason):
    with pytest.raises(PolytomicConfigurationError) as caught:
        PolytomicHook.for_destination(destination, server=server).get_identity()
    assert reason in (caught.value.reason, None)
    assert "hidden-word" not in str(caught.value)
    assert scene.emulator.requests == []
