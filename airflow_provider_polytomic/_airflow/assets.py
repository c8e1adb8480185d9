"""Assets of Airflow 3.x and datasets of 2.11, and the limit of events that one task can emit."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Asset, AssetAlias

__all__ = ["alias_events", "is_alias", "make_alias_known", "max_events", "new_alias", "new_asset", "triggering_events"]

# Measured on two busy cores with SQLite: 25 ms for an event of a new asset, 16 ms for one of a known asset.
_EVENTS_PER_SECOND = 20


def new_asset(*, name: str, uri: str) -> Asset:
    """Return an asset; on 2.11 a dataset, which has no name."""
    from airflow.providers.common.compat.sdk import Asset

    return Asset(name=name, uri=uri) if AIRFLOW_V_3_0_PLUS else Asset(uri=uri)


def new_alias(name: str) -> AssetAlias:
    """Return an asset alias; on 2.11 a dataset alias."""
    return _alias_class()(name)


def is_alias(outlet: object) -> bool:
    """Return whether an outlet is an asset alias (2.11: a dataset alias)."""
    return isinstance(outlet, _alias_class())


def _alias_class() -> type[AssetAlias]:
    # Not from common-compat, which costs 5 ms while a DAG is parsed; BaseOperator has already imported these modules.
    module = import_module("airflow.sdk.definitions.asset" if AIRFLOW_V_3_0_PLUS else "airflow.datasets")
    alias: type[AssetAlias] = getattr(module, "AssetAlias" if AIRFLOW_V_3_0_PLUS else "DatasetAlias")
    return alias


def alias_events(outlet: Any) -> list[Any]:
    """Return the events that a task has added to ``outlet_events[alias]``."""
    events: list[Any] = outlet.asset_alias_events if AIRFLOW_V_3_0_PLUS else outlet.dataset_alias_events
    return events


def max_events() -> int:
    """Return how many events one task can emit.

    3.x sends all events in the request that reports the task's success, and the API server responds when they are
    written. After ``execution_api_timeout`` (5 s) the worker sends the request again, while the first is still in
    progress: with 300 events, the task failed. On 2.11 the task itself writes the events, in 30 ms or more each,
    without a time limit.
    """
    if not AIRFLOW_V_3_0_PLUS:
        return 1000
    from airflow.configuration import conf

    return int(_EVENTS_PER_SECOND * conf.getfloat("workers", "execution_api_timeout", fallback=5.0))


def make_alias_known(name: str) -> None:
    """Create the row of an alias in the database of 2.11; 3.x creates it when needed.

    2.11 creates the row when it serialises a DAG, but not for a mapped task or ``dag.test()``. Without the row, the
    task fails after its success: "Can't flush None value found in DatasetModel.aliases".
    """
    if AIRFLOW_V_3_0_PLUS:
        return
    from airflow.models.dataset import DatasetAliasModel
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import IntegrityError

    # Another task may create it at the same time.
    with suppress(IntegrityError), create_session() as session:
        if session.scalar(select(DatasetAliasModel.id).where(DatasetAliasModel.name == name)) is None:
            session.add(DatasetAliasModel(name=name))


def triggering_events(context: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the asset events that started the run, each with its asset's URI."""
    if not AIRFLOW_V_3_0_PLUS:
        return [(uri, event) for uri, events in context["triggering_dataset_events"].items() for event in events]
    from airflow.providers.common.compat.sdk import Asset

    # An event of an alias appears twice: under the asset and under the alias.
    by_key = context["triggering_asset_events"].items()
    return [(key.uri, event) for key, events in by_key if isinstance(key, Asset) for event in events]
