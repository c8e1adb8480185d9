"""Asset events of the keys that a task issues."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.assets import API_KEYS, api_key_asset
from airflow_provider_polytomic.exceptions import PolytomicError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.providers.common.compat.sdk import Context

__all__ = ["KeyEvents"]

log = logging.getLogger(__name__)


class KeyEvents:
    """Events for new keys, which Airflow emits once the task succeeds; for the task's main thread only.

    Nothing is emitted unless the task's outlets contain :func:`~airflow_provider_polytomic.assets.api_keys_alias`.

    :param context: context of the task that issues keys.
    :param outlets: the task's outlets; each alias for new keys among them gets the events.
    """

    def __init__(self, context: Context, outlets: Iterable[Any]) -> None:
        self._context = context
        self._aliases = [outlet for outlet in outlets if _is_key_alias(outlet)]
        # Number of new keys without an event, because Airflow writes a limited number of events in time.
        self.dropped = 0

    def emit_event(self, destination: str, reference_json: Mapping[str, Any]) -> None:
        """Emit the event of one new key.

        An error becomes a warning: a task that has stored a new key must not fail because of its event.

        :param destination: where the key is stored.
        :param reference_json: ``KeyReference.to_json``. The event's ``extra`` is the same with ``issued`` true, even if
            an earlier try issued the key and ended before its event. The values are strings and booleans, because 2.11
            hashes them (``TaskInstance._register_dataset_changes``) after the task has succeeded.
        """
        if not self._aliases:
            return
        try:
            self._emit(destination, {**reference_json, "issued": True})
        except Exception as error:  # noqa: BLE001 (Airflow raises any class; the key is stored in any case)
            log.warning(
                "%s: the key is stored, but no DAG scheduled on it starts\n"
                "The asset event could not be created (%s: %s). Start that DAG by hand.",
                _describe_destination(destination),
                type(error).__name__,
                error,
            )

    def warn_about_dropped_events(self) -> None:
        """Log the number of new keys without an event, if there are any."""
        if self.dropped:
            log.warning(
                "%d more new keys are stored, but no DAG scheduled on them starts\n"
                "Airflow limits the events of one task. Use more shards or, on Airflow 3, raise [workers] "
                "execution_api_timeout. Start the DAGs by hand.",
                self.dropped,
            )

    def _emit(self, destination: str, extra: dict[str, Any]) -> None:
        from airflow_provider_polytomic._airflow.assets import alias_events, make_alias_known, max_events

        asset = api_key_asset(destination)
        outlets = [(alias, self._context["outlet_events"][alias]) for alias in self._aliases]
        # Airflow writes an event once, even under several aliases.
        emitted = max(len(alias_events(outlet)) for _, outlet in outlets)
        if emitted >= max_events():
            self.dropped += 1
            return
        for alias, outlet in outlets:
            if not emitted:
                make_alias_known(alias.name)
            outlet.add(asset, extra=extra)


def _describe_destination(destination: str) -> str:
    """Return a valid destination; an invalid one may contain a password."""
    from airflow_provider_polytomic.secret_stores.destination import Destination

    try:
        return str(Destination.parse(destination))
    except PolytomicError:
        return "An invalid destination"


def _is_key_alias(outlet: Any) -> bool:
    from airflow_provider_polytomic._airflow.assets import is_alias

    return is_alias(outlet) and outlet.name.partition(":")[0] == API_KEYS
