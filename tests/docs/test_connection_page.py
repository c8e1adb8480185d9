"""docs/connection.md: its fields and defaults are those of the code, and its ways to find ids work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_polytomic.get_provider_info import get_provider_info
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.docs.pages import blocks, codes, rows

if TYPE_CHECKING:
    import pytest

    from tests.fixtures import Scene

PAGE = "docs/connection.md"
FORM = get_provider_info()["connection-types"][0]


def test_the_fields_of_the_connection_are_those_of_the_form():
    documented = [(label, codes(name)[0]) for label, name, *_ in rows(PAGE, "Fields of the form")]
    standard = [(label, name) for name, label in FORM["ui-field-behaviour"]["relabeling"].items()]
    extra = [(entry["label"], f"extra.{name}") for name, entry in FORM["conn-fields"].items()]
    assert documented == standard + extra


def test_the_page_and_the_form_mean_the_same_by_an_empty_field():
    documented = {
        codes(name)[0].removeprefix("extra."): if_empty for _, name, if_empty, _ in rows(PAGE, "Fields of the form")
    }
    texts = {name: entry["description"] for name, entry in FORM["conn-fields"].items()}
    assert FORM["ui-field-behaviour"]["placeholders"]["host"] == f"Empty: {documented['host']}"
    for name, text in texts.items():
        assert text.endswith(f" Empty: {documented[name]}.")


def test_the_defaults_of_the_page_are_those_of_a_connection_that_says_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_DEFAULT", json.dumps({"conn_type": "polytomic", "password": "a-key"}))
    settings = PolytomicHook().settings
    of_form = {codes(name)[0]: default for _, name, default, _ in rows(PAGE, "Fields of the form")}
    assert of_form["host"] == settings.base_url
    assert float(of_form["extra.timeout"]) == settings.timeout
    documented = {codes(name)[0].removeprefix("extra."): default for name, default, _ in rows(PAGE, "Other fields")}
    assert documented.pop("allow_http") == "`false`"  # the next test
    assert documented == {name: _as_documented(getattr(settings, name)) for name in documented}


def test_plain_http_to_another_machine_is_refused_by_default(monkeypatch: pytest.MonkeyPatch):
    connection = {"conn_type": "polytomic", "host": "http://polytomic.example.com", "password": "a-key"}
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_DEFAULT", json.dumps(connection))
    assert PolytomicHook().test_connection()[0] is False
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_DEFAULT", json.dumps({**connection, "extra": {"allow_http": True}}))
    assert PolytomicHook().settings.base_url == connection["host"]


def test_the_ids_are_found_as_the_page_shows(scene: Scene, capsys: pytest.CaptureFixture[str]):
    (block,) = blocks("python", "ids")
    exec(compile(block.content, block.place, "exec"), {"__name__": "ids"})
    printed = capsys.readouterr().out.split()
    for organization in scene.emulator.organizations():
        ids = {organization.id, *(user.id for user in scene.emulator.users_of(organization.id))}
        assert ids <= set(printed)
    assert scene.ids["user_id"] in printed


def test_a_users_key_finds_its_own_ids_and_those_of_its_organization(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    key = scene.emulator.give_key(scene.user.id)
    connection = {"conn_type": "polytomic", "host": scene.emulator.base_url, "password": key}
    monkeypatch.setenv("AIRFLOW_CONN_ACME_POLYTOMIC", json.dumps(connection))
    hook = PolytomicHook("acme_polytomic")
    identity = hook.get_identity()
    assert (identity.organization_id, identity.id) == (scene.ids["org_id"], scene.ids["user_id"])
    assert scene.ids["user_id"] in {user.id for user in hook.list_users("current")}


def _as_documented(value: object) -> str:
    return "none" if value is None else f"`{str(value).lower()}`"
