"""Assets that stand for the destinations of API keys, and the alias under which new keys are announced.

A task that issues keys emits an event for each key that it really issued where its outlets name the alias::

    PolytomicRotateApiKeyOperator(..., outlets=[api_keys_alias()])

The event's ``extra`` is the reference that the task returns. On Airflow 2.11 assets are called datasets.
Importing this module imports nothing of Airflow.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAlias

__all__ = ["API_KEYS", "api_key_asset", "api_keys_alias", "new_keys"]

API_KEYS = "polytomic_api_keys"

# Airflow takes URIs whose scheme begins with x- as they are. It reserves "airflow:", and 2.11 cuts the connection out
# of "vault://conn_id@..." (`_sanitize_uri` of airflow.datasets and airflow.sdk.definitions.asset).
_SCHEME = "x-polytomic"
# Of both columns, name and URI, and of what 3.x lets an Asset have; 2.11 would let a Dataset have 3000.
_MAX_LENGTH = 1500
_GROUP = re.compile(r"[A-Za-z0-9._-]{1,100}")


def api_key_asset(destination: str) -> Asset:
    """Return the asset (2.11: the dataset) whose events say that there is a new key at a destination.

    Its URI holds the destination percent-encoded: ``x-polytomic://airflow/connection/acme_polytomic``. What differs for
    the writer alone is the same asset: ``airflow://writer@connection/x`` and ``airflow://connection/x``.

    :param destination: such as ``airflow://connection/acme_polytomic``; not a template.
    :raises PolytomicConfigurationError: if it is no destination, or too long for an asset.
    """
    from airflow_provider_polytomic._airflow.assets import new_asset
    from airflow_provider_polytomic.secret_stores.destination import Destination

    found = Destination.parse(destination)
    # Elsewhere the connection tells which server or account is meant.
    name = str(replace(found, conn_id=None) if found.scheme == "airflow" else found)
    scheme, _, rest = name.partition("://")
    # What is percent-encoded already is so once more: without that, "?field=x" and a "?" of a name would look the same.
    uri = f"{_SCHEME}://{scheme}/{quote(rest)}"
    if len(uri) > _MAX_LENGTH:
        raise PolytomicConfigurationError(
            f"The destination has {len(uri)} characters as an asset's URI, and Airflow allows {_MAX_LENGTH}. "
            "No event can be emitted for it, and nothing can be scheduled on it. Use a shorter name."
        )
    return new_asset(name=name, uri=uri)


def api_keys_alias(group: str | None = None) -> AssetAlias:
    """Return the alias for a task's ``outlets`` under which its new keys are announced.

    :param group: makes an alias of its own for a group of customers, such as ``eu``. Letters, digits and ``. _ -``.
    :raises PolytomicConfigurationError: if the group has other characters, or none.
    """
    from airflow_provider_polytomic._airflow.assets import new_alias

    if group is None:
        return new_alias(API_KEYS)
    if not isinstance(group, str) or not _GROUP.fullmatch(group):
        raise PolytomicConfigurationError(
            "group must be 1 to 100 letters, digits, dots, underscores or hyphens.", fields=["group"]
        )
    return new_alias(f"{API_KEYS}:{group}")


def new_keys(context: Any) -> list[dict[str, Any]]:
    """Return the references of the new keys whose events started this run, oldest first; none where nothing of it did.

    One key can be among them twice, in one run or in two: act on it only if its ``fingerprint`` is another than the one
    that you acted on last.
    """
    from airflow_provider_polytomic._airflow.assets import triggering_events

    events = [event for uri, event in triggering_events(context) if uri.startswith(f"{_SCHEME}://")]
    return [dict(event.extra) for event in sorted(events, key=lambda event: event.timestamp)]
