"""How does a DAG learn that a key is new? By an event of the asset that stands for the key's destination.

The operators that issue keys have the alias :data:`API_KEYS` among their outlets and announce each key that they really
issued, with its reference as the event's ``extra``. On Airflow 2.11 assets are called datasets.
Importing this module imports nothing of Airflow.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Asset, AssetAlias

__all__ = [
    "API_KEYS",
    "announce",
    "api_key_asset",
    "api_keys_alias",
    "new_keys",
    "warn_of_unannounced",
    "with_api_keys_alias",
]

log = logging.getLogger(__name__)

API_KEYS = "polytomic_api_keys"

# Airflow takes URIs whose scheme begins with x- as they are. It reserves "airflow:", and 2.11 cuts the connection out
# of "vault://conn_id@..." (`_sanitize_uri` of airflow.datasets and airflow.sdk.definitions.asset).
_SCHEME = "x-polytomic"
# Of both columns, name and URI, and of what 3.x lets an Asset have; 2.11 would let a Dataset have 3000.
_LONGEST = 1500
_HASHABLE = (str, int, float, type(None))


def api_key_asset(destination: str) -> Asset:
    """Return the asset (2.11: the dataset) whose events say that there is a new key at a destination.

    Its URI holds the destination percent-encoded: ``x-polytomic://airflow/connection/acme_polytomic``. What differs for
    the writer alone is the same asset: ``airflow://writer@connection/x`` and ``airflow://connection/x``.

    :param destination: such as ``airflow://connection/acme_polytomic``; not a template.
    :raises PolytomicConfigurationError: if it is no destination, or too long for an asset.
    """
    from airflow_provider_polytomic.asset_compat import new_asset
    from airflow_provider_polytomic.secret_stores.destination import Destination

    found = Destination.parse(destination)
    # Elsewhere the connection tells which server or account is meant.
    name = str(replace(found, conn_id=None) if found.scheme == "airflow" else found)
    scheme, _, rest = name.partition("://")
    # What is percent-encoded already is so once more: without that, "?field=x" and a "?" of a name would look the same.
    uri = f"{_SCHEME}://{scheme}/{quote(rest)}"
    if len(uri) > _LONGEST:
        raise PolytomicConfigurationError(
            f"The destination has {len(uri)} characters as an asset's URI, and Airflow allows {_LONGEST}. So there are "
            "no events for it, and nothing can be scheduled on it. Use a shorter name."
        )
    return new_asset(name=name, uri=uri)


def api_keys_alias() -> AssetAlias:
    """Return the alias under which the key of every destination is announced.

    A mapped operator is given it once more, ``partial(outlets=[api_keys_alias()])``, for Airflow to know before the
    first run that the task has it: of what an operator adds to its own outlets, nothing is seen while it is mapped.
    """
    from airflow_provider_polytomic.asset_compat import new_alias

    return new_alias(API_KEYS)


def with_api_keys_alias(outlets: Any) -> list[Any]:
    """Return the outlets that a DAG gives an operator (none, one or several), and the alias after them."""
    given = list(outlets) if isinstance(outlets, list | tuple | set) else [] if outlets is None else [outlets]
    alias = api_keys_alias()
    return given if alias in given else [*given, alias]


def announce(context: Any, destination: str, reference_json: Mapping[str, Any]) -> bool:
    """Have Airflow emit the event of a new key once the task succeeds; from the task's main thread only.

    Whatever is in the way becomes a warning: a task that has stored a new key must not fail for want of an event. Nor
    for too many of them: there is none beyond what :func:`~airflow_provider_polytomic.asset_compat.most_events` allows.

    :param context: of the task that issued the key.
    :param destination: where the key is.
    :param reference_json: ``Reference.to_json``; the event's ``extra`` is all of it but ``seconds``.
    :return: False for one event too many, for :func:`warn_of_unannounced`; else True.
    """
    # 2.11 hashes the values (`TaskInstance._register_dataset_changes`): after the task's success an unhashable one ends
    # it as an error, and it would be tried again.
    extra = {name: value for name, value in reference_json.items() if isinstance(value, _HASHABLE)}
    try:
        from airflow_provider_polytomic.asset_compat import events_of, make_alias_known, most_events

        asset = api_key_asset(destination)
        outlet = context["outlet_events"][api_keys_alias()]
        before = len(events_of(outlet))
        if before >= most_events():
            return False
        if not before:
            make_alias_known(API_KEYS)
        outlet.add(asset, extra=extra)
    except Exception as error:  # noqa: BLE001 (of Airflow's classes; none may undo what was done)
        log.warning(
            "The new API key is stored, but nothing that is scheduled on it will start by itself: its event could not "
            "be prepared (%s: %s).",
            type(error).__name__,
            error,
        )
    return True


def warn_of_unannounced(count: int) -> None:
    """Say in the task's log, once, that there were more new keys than a task can announce.

    :param count: of those that :func:`announce` returned False for.
    """
    log.warning(
        "%d more new API keys are stored, but nothing that is scheduled on them will start by itself: of one task, "
        "Airflow writes only so many events in time. Spread the fleet over more shards, or, on Airflow 3, raise "
        "[workers] execution_api_timeout.",
        count,
    )


def new_keys(context: Any) -> list[dict[str, Any]]:
    """Return the references of the new keys whose events started this run, oldest first; none where nothing of it did.

    One key can be among them twice, in one run or in two: act on it only if its ``fingerprint`` is another than the one
    that you acted on last.
    """
    from airflow_provider_polytomic.asset_compat import triggering_events

    events = [event for uri, event in triggering_events(context) if uri.startswith(f"{_SCHEME}://")]
    return [dict(event.extra) for event in sorted(events, key=lambda event: event.timestamp)]
