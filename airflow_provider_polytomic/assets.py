"""Assets for the destinations of API keys, and the alias under which tasks emit events for new keys.

A task with the alias in its outlets emits an event for each key that it issues, and none for a key that it keeps::

    PolytomicRotateApiKeyOperator(..., outlets=[api_keys_alias()])

The event's ``extra`` is the reference that the task returns. Airflow 2.11 calls assets datasets.
Importing this module does not import Airflow.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Asset, AssetAlias

__all__ = ["API_KEYS", "api_key_asset", "api_keys_alias", "new_keys"]

API_KEYS = "polytomic_api_keys"

# Airflow leaves URIs unchanged if the scheme begins with x-. It reserves "airflow:", and 2.11 removes the connection
# from "vault://conn_id@..." (`_sanitize_uri` of airflow.datasets and airflow.sdk.definitions.asset).
_SCHEME = "x-polytomic"
# The columns name and URI, and Asset of 3.x, allow 1500 characters; Dataset of 2.11 would allow 3000.
_MAX_LENGTH = 1500
_GROUP = re.compile(r"[A-Za-z0-9._-]{1,100}")


def api_key_asset(destination: str) -> Asset:
    """Return the asset (2.11: dataset) whose events report a new key at a destination.

    Its URI contains the destination percent-encoded: ``x-polytomic://airflow/connection/acme_polytomic``. Destinations
    that only the writer distinguishes are the same asset: ``airflow://writer@connection/x`` and
    ``airflow://connection/x``.

    :param destination: where the key is stored, such as ``airflow://connection/acme_polytomic``; not a template.
    :raises PolytomicConfigurationError: if the destination is invalid, or too long for an asset.
    """
    from airflow_provider_polytomic._airflow.assets import new_asset
    from airflow_provider_polytomic.secret_stores.destination import Destination

    parsed = Destination.parse(destination)
    # Outside Airflow, the connection selects the server or account.
    name = str(replace(parsed, conn_id=None) if parsed.scheme == "airflow" else parsed)
    scheme, _, rest = name.partition("://")
    # Percent-encoded again, so that "?field=x" differs from a "?" in a name.
    uri = f"{_SCHEME}://{scheme}/{quote(rest)}"
    if len(uri) > _MAX_LENGTH:
        raise PolytomicConfigurationError(
            f"The destination's asset URI has {len(uri)} characters, and Airflow allows {_MAX_LENGTH}. "
            "No event can be emitted for it, and no DAG can be scheduled on it. Use a shorter name."
        )
    return new_asset(name=name, uri=uri)


def api_keys_alias(group: str | None = None) -> AssetAlias:
    """Return the alias for a task's ``outlets`` under which the task emits events for new keys.

    :param group: name of a group of customers with its own alias, such as ``eu``: letters, digits and ``. _ -``.
    :raises PolytomicConfigurationError: if the group is empty, too long or has other characters.
    """
    from airflow_provider_polytomic._airflow.assets import new_alias

    if group is None:
        return new_alias(API_KEYS)
    if not isinstance(group, str) or not _GROUP.fullmatch(group):
        raise PolytomicConfigurationError(
            "group must be 1 to 100 letters, digits, dots, underscores or hyphens.", fields=["group"]
        )
    return new_alias(f"{API_KEYS}:{group}")


def new_keys(context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the references of the new keys whose events triggered this run, oldest first.

    The list is empty if no such event triggered the run. A key can appear twice, in one run or in two: act on it only
    if its ``fingerprint`` differs from the one that you acted on last.
    """
    from airflow_provider_polytomic._airflow.assets import triggering_events

    events = [event for uri, event in triggering_events(context) if uri.startswith(f"{_SCHEME}://")]
    return [dict(event.extra) for event in sorted(events, key=lambda event: event.timestamp)]
