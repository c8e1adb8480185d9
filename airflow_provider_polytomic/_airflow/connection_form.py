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
        from wtforms import IntegerField, StringField  # type: ignore[import-untyped]
        from wtforms.validators import Optional  # type: ignore[import-untyped]
    except ImportError:
        return {}

    def widget(field: dict[str, Any]) -> Any:
        kind = IntegerField if field["schema"]["type"][0] == "integer" else StringField
        texts = {"label": field["label"], "description": field["description"]}
        return kind(**texts, widget=look.BS3TextFieldWidget(), validators=[Optional()])

    return {name: widget(field) for name, field in _connection_type()["conn-fields"].items()}


def _connection_type() -> dict[str, Any]:
    found: dict[str, Any] = get_provider_info()["connection-types"][0]
    return found
