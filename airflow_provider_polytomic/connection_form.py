"""How does Airflow 2.11 see the connection form? As two form methods of the hook, rendered from the metadata."""

from __future__ import annotations

from typing import Any

from airflow_provider_polytomic.get_provider_info import get_provider_info

__all__ = ["connection_form_widgets", "ui_field_behaviour"]


def ui_field_behaviour() -> dict[str, Any]:
    """Return the metadata's ``ui-field-behaviour`` with the snake_case keys of ``get_ui_field_behaviour``."""
    behaviour = _connection_type()["ui-field-behaviour"]
    return {name.replace("-", "_"): value for name, value in behaviour.items()}


def connection_form_widgets() -> dict[str, Any]:
    """Return the metadata's ``conn-fields`` as WTForms fields, stored under their bare names.

    :returns: empty where the web form's libraries are not installed: workers do not need a form.
    """
    try:
        # Only Airflow 2.11's webserver has these, and neither ships types.
        from flask_appbuilder import fieldwidgets as look  # type: ignore[import-not-found]
        from wtforms import BooleanField, IntegerField, PasswordField, StringField  # type: ignore[import-untyped]
        from wtforms.validators import AnyOf, Optional  # type: ignore[import-untyped]
    except ImportError:
        return {}

    def widget(field: dict[str, Any]) -> Any:
        schema = field["schema"]
        common: dict[str, Any] = {"label": field["label"], "description": field["description"]}
        kind = schema["type"][0]
        allowed = schema.get("enum")
        if kind == "boolean" and schema["default"]:
            # 2.11 shows a stored false as the default, so a tick that starts set never shows unset: a word instead.
            kind, allowed, common["default"] = "string", ["true", "false"], "true"
        if kind == "boolean":
            return BooleanField(**common)
        if kind == "integer":
            return IntegerField(**common, widget=look.BS3TextFieldWidget(), validators=[Optional()])
        if schema.get("format") == "password":
            return PasswordField(**common, widget=look.BS3PasswordFieldWidget())
        choice = [AnyOf(allowed)] if allowed else []
        return StringField(**common, widget=look.BS3TextFieldWidget(), validators=[Optional(), *choice])

    return {name: widget(field) for name, field in _connection_type()["conn-fields"].items()}


def _connection_type() -> dict[str, Any]:
    found: dict[str, Any] = get_provider_info()["connection-types"][0]
    return found
