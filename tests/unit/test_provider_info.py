"""Provider metadata: Airflow accepts it, and shows the same connection form on both versions."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_polytomic._support.base_url import DEFAULT_SERVER
from airflow_provider_polytomic.get_provider_info import get_provider_info
from airflow_provider_polytomic.hooks import _connection
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.fake_distribution import with_fake_distribution

AIRFLOW = Path(airflow.__file__).parent
on_3 = pytest.mark.skipif(
    airflow.__version__.startswith("2."), reason="Airflow 2.11 takes the form from the hook and has no schema of it"
)
on_2 = pytest.mark.skipif(
    not airflow.__version__.startswith("2."), reason="Airflow 3.2 and later ignore the hook's form"
)

# field: (label, JSON type)
FIELDS = {"timeout": ("Timeout", "integer"), "ca_bundle": ("CA bundle", "string")}


def _connection_type() -> dict[str, Any]:
    found: dict[str, Any] = get_provider_info()["connection-types"][0]
    return found


def test_the_metadata_fits_airflows_schema_and_names_the_distribution():
    info = get_provider_info()
    jsonschema.validate(info, json.loads((AIRFLOW / "provider_info.schema.json").read_text()))
    assert info["package-name"] == "airflow-provider-polytomic"
    assert info is not get_provider_info()


@on_3
def test_the_connection_type_fits_the_strict_schema_of_providers():
    schema = json.loads((AIRFLOW / "provider.yaml.schema.json").read_text())
    for key in ("connection-types", "integrations", "hooks", "operators"):
        strict = {"definitions": schema["definitions"], **schema["properties"][key]}
        jsonschema.validate(get_provider_info()[key], strict)


@on_3
def test_the_strict_schema_would_find_a_snake_case_key():
    path = AIRFLOW / "provider.yaml.schema.json"
    wrong = _connection_type() | {"ui-field-behaviour": {"hidden_fields": []}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([wrong], json.loads(path.read_text())["properties"]["connection-types"])


def test_what_the_metadata_names_exists_and_agrees():
    info, declared = get_provider_info(), _connection_type()
    module, _, name = declared["hook-class-name"].rpartition(".")
    assert getattr(import_module(module), name) is PolytomicHook
    assert (declared["connection-type"], declared["hook-name"]) == (PolytomicHook.conn_type, PolytomicHook.hook_name)
    for group in ("hooks", "operators"):
        for documented in info[group]:
            for python_module in documented["python-modules"]:
                import_module(python_module)


def test_the_form_states_each_default_in_one_way():
    declared = _connection_type()
    texts = [field["description"] for field in declared["conn-fields"].values()]
    stated = [text.partition("Empty: ")[2] for text in (*texts, declared["ui-field-behaviour"]["placeholders"]["host"])]
    assert stated == [f"{_connection.DEFAULT_TIMEOUT:.0f}.", "the default bundle.", DEFAULT_SERVER]
    assert not any("default" in field["schema"] for field in declared["conn-fields"].values())


_READ_FORM = """
import json
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
(found,) = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "polytomic"]
print("form", found.model_dump_json())
"""


@on_3
def test_the_form_of_airflow_3_shows_every_field(tmp_path):
    form = _run(_READ_FORM, tmp_path)
    assert form["hook_name"] == "Polytomic"
    standard = {name: field for name, field in form["standard_fields"].items() if field}
    assert {name: field["title"] for name, field in standard.items() if not field["hidden"] and field["title"]} == {
        "host": "Server",
        "password": "API key",
    }
    assert {name for name, field in standard.items() if field["hidden"]} == {"port", "url_schema", "login"}
    shown = {
        name: (field["schema"]["title"], field["schema"]["type"][0]) for name, field in form["extra_fields"].items()
    }
    assert shown == FIELDS
    assert {field["value"] for field in form["extra_fields"].values()} == {None}


_READ_WIDGETS = """
import json
from flask import Flask
from flask_babel import Babel
from wtforms import Form
from airflow.providers_manager import ProvidersManager

manager = ProvidersManager()
assert manager.hooks["polytomic"].hook_name == "Polytomic"
prefix = "extra__polytomic__"
widgets = {name: info for name, info in manager.connection_form_widgets.items() if name.startswith(prefix)}
app = Flask("form")
Babel(app)
with app.test_request_context():
    form = type("PolytomicForm", (Form,), {name: info.field for name, info in widgets.items()})()
    fields = {
        name.removeprefix(prefix): [field.label.text, type(field).__name__, field.data, widgets[name].is_sensitive]
        for name, field in form._fields.items()
    }
    html = [str(field()) for field in form]
print("form", json.dumps({"behaviour": manager.field_behaviours["polytomic"], "fields": fields, "html": html}))
"""


@on_2
def test_the_form_of_airflow_2_shows_the_same_fields(tmp_path):
    form = _run(_READ_WIDGETS, tmp_path)
    assert form["behaviour"]["hidden_fields"] == ["schema", "port", "login"]
    assert form["behaviour"]["relabeling"]["password"] == "API key"
    assert form["behaviour"]["placeholders"]["host"] == f"Empty: {DEFAULT_SERVER}"
    assert form["fields"] == {
        "timeout": ["Timeout", "IntegerField", None, False],
        "ca_bundle": ["CA bundle", "StringField", None, False],
    }
    assert len(form["html"]) == len(FIELDS)


def test_the_hook_describes_the_same_form_even_where_the_web_libraries_are_absent():
    assert PolytomicHook.get_ui_field_behaviour()["relabeling"]["password"] == "API key"
    assert set(PolytomicHook.get_connection_form_widgets()) in (set(), set(FIELDS))


def _run(script: str, tmp_path: Path) -> dict[str, Any]:
    """Run code where Airflow finds the package by its entry point, and return the JSON in its last line."""
    env = with_fake_distribution(tmp_path)
    ran = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    last = [line for line in ran.stdout.splitlines() if line.startswith("form ")][-1]
    found: dict[str, Any] = json.loads(last.removeprefix("form "))
    return found
