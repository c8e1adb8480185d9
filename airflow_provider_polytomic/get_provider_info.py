"""What does Airflow learn about this package before it runs anything of it? Its metadata, the connection form included.

Airflow 3.3 calls :func:`get_provider_info` while ``import airflow`` is still running: an import of Airflow here, an
exception, or a ``package-name`` that is not the distribution's normalised name stops Airflow itself from starting.
"""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Return the metadata as Airflow's ``provider_info.schema.json`` wants it, in kebab-case, anew each time.

    The form in ``connection-types`` is the only one that Airflow 3.2 and later show; the hook's form methods, which
    Airflow 2.11 asks instead, are rendered from it by :mod:`airflow_provider_polytomic.connection_form`.
    """
    return {
        "package-name": "airflow-provider-polytomic",
        "name": "Polytomic",
        "description": (
            "Issues and rotates `Polytomic <https://www.polytomic.com/>`__ API keys and writes them into Airflow's "
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
                    "airflow_provider_polytomic.operators.fleet",
                    "airflow_provider_polytomic.operators.organizations",
                    "airflow_provider_polytomic.operators.rotation",
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
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {"host": "Server", "login": "Organization ID", "password": "API key"},
                    "placeholders": {
                        "host": "https://app.polytomic.com",
                        "login": "only for Basic: the organization that a partner or deployment key acts in",
                        "password": "a partner key, to issue keys; else any API key",
                    },
                },
                "conn-fields": _conn_fields(),
            }
        ],
    }


def _conn_fields() -> dict[str, dict[str, Any]]:
    # No default where the package has one: the form would store it, and it would stay when the package moves on.
    return {
        "auth": {
            "label": "Authentication",
            "description": "Empty: Basic where an Organization ID is given, else Bearer. "
            "basic_username: the key as the user name, for old on-premises servers.",
            "schema": {"type": ["string", "null"], "enum": ["bearer", "basic", "basic_username"]},
        },
        "api_version": {
            "label": "API version",
            "description": "Sent as X-Polytomic-Version. Empty: 2025-09-18.",
            "schema": {"type": ["string", "null"], "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        },
        "timeout": {
            "label": "Timeout",
            "description": "Seconds that one request may take. Empty: 30.",
            "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 600},
        },
        "verify": {
            "label": "Verify TLS",
            "description": "Whether the server's certificate is checked.",
            "schema": {"type": ["boolean", "null"], "default": True},
        },
        "ca_bundle": {
            "label": "CA bundle",
            "description": "Path of the certificates to trust, on the machine where tasks run. Empty: the usual ones.",
            "schema": {"type": ["string", "null"]},
        },
        "proxy": {
            "label": "Proxy",
            "description": "URL of a proxy. Empty: as the environment says.",
            # It can hold a password.
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "allow_http": {
            "label": "Allow plain HTTP",
            "description": "Send the key unencrypted. Not needed for a server on this machine.",
            "schema": {"type": ["boolean", "null"], "default": False},
        },
    }
