"""Connection form of Airflow 2.11, built from the provider metadata that later versions read."""

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

    :returns: empty if the libraries of the web form are not installed; workers need no form.
    """
    try:
        # Only Airflow 2.11's webserver installs these, and neither has types.
        from flask_appbuilder import fieldwidgets  # type: ignore[import-not-found]
        from wtforms import IntegerField, StringField  # type: ignore[import-untyped]
        from wtforms.validators import Optional  # type: ignore[import-untyped]
    except ImportError:
        return {}

    def widget(field: dict[str, Any]) -> Any:
        field_class = IntegerField if field["schema"]["type"][0] == "integer" else StringField
        return field_class(
            label=field["label"],
            description=field["description"],
            widget=fieldwidgets.BS3TextFieldWidget(),
            validators=[Optional()],
        )

    return {name: widget(field) for name, field in _connection_type()["conn-fields"].items()}


def _connection_type() -> dict[str, Any]:
    connection_type: dict[str, Any] = get_provider_info()["connection-types"][0]
    return connection_type
