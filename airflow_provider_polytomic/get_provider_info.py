"""Provider metadata for Airflow, with the connection form.

Airflow 3.3 calls :func:`get_provider_info` while ``import airflow`` is still running: an import of Airflow here, an
exception, or a ``package-name`` that is not the distribution's normalised name stops Airflow itself from starting.
"""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Return a new copy of the metadata in the kebab-case form of Airflow's ``provider_info.schema.json``.

    Airflow 3.2 and later show only the form in ``connection-types``. Airflow 2.11 calls the hook's form methods
    instead, which :mod:`airflow_provider_polytomic._airflow.connection_form` renders from it.
    """
    return {
        "package-name": "airflow-provider-polytomic",
        "name": "Polytomic",
        "description": (
            "Issues and rotates `Polytomic <https://www.polytomic.com/>`__ API keys and writes them to Airflow's "
            "secrets backend; onboards and offboards a partner's customers."
        ),
        "integrations": [
            {
                "integration-name": "Polytomic",
                "external-doc-url": "https://apidocs.polytomic.com/",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {
                "integration-name": "Polytomic",
                "python-modules": ["airflow_provider_polytomic.hooks.polytomic"],
            }
        ],
        "operators": [
            {
                "integration-name": "Polytomic",
                "python-modules": [
                    "airflow_provider_polytomic.operators.api_keys",
                    "airflow_provider_polytomic.operators.batch",
                    "airflow_provider_polytomic.operators.organizations",
                    "airflow_provider_polytomic.operators.users",
                ],
            }
        ],
        "connection-types": [
            {
                "connection-type": "polytomic",
                "hook-class-name": "airflow_provider_polytomic.hooks.polytomic.PolytomicHook",
                "hook-name": "Polytomic",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port", "login"],
                    "relabeling": {"host": "Server", "password": "API key"},
                    "placeholders": {
                        "host": "Empty: https://app.polytomic.com",
                        "password": "Partner key (needed to create keys) or any API key",
                    },
                },
                "conn-fields": _conn_fields(),
            }
        ],
    }


def _conn_fields() -> dict[str, dict[str, Any]]:
    # The fields that most users need; docs/connection.md lists all. No "default": the form would store it, and keep the
    # old value when a later version has another. So each description states what an empty field means.
    return {
        "timeout": {
            "label": "Timeout",
            "description": "Seconds that one request may take. Empty: 30.",
            "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 600},
        },
        "ca_bundle": {
            "label": "CA bundle",
            "description": "Path of trusted certificates on the machine where tasks run. Empty: the default bundle.",
            "schema": {"type": ["string", "null"]},
        },
    }
