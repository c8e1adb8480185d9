"""Asset events of the keys that a task has issued."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.assets import API_KEYS, api_key_asset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["KeyEvents"]

log = logging.getLogger(__name__)


class KeyEvents:
    """Has Airflow emit an event for each new key once the task succeeds; to be used in the task's main thread only.

    Nothing is emitted unless the task's outlets name :func:`~airflow_provider_polytomic.assets.api_keys_alias`.

    :param context: of the task that issues keys.
    :param outlets: the task's outlets; each of our aliases among them gets the events.
    """

    def __init__(self, context: Any, outlets: Iterable[Any]) -> None:
        self._context = context
        self._aliases = [outlet for outlet in outlets if _is_ours(outlet)]
        # Keys that had no event, because the task has as many as Airflow writes in time.
        self.dropped = 0

    def emit(self, destination: str, reference_json: Mapping[str, Any]) -> None:
        """Emit the event of one new key.

        Whatever is in the way becomes a warning: a task that has stored a new key must not fail for want of an event.

        :param destination: where the key is.
        :param reference_json: ``Reference.to_json``; the event's ``extra`` is that with ``issued`` true, even where the
            try that issued the key died and another one announces it. Strings and booleans only, because 2.11 hashes
            the values (``TaskInstance._register_dataset_changes``) after the task has succeeded.
        """
        if not self._aliases:
            return
        try:
            self._emit(destination, {**reference_json, "issued": True})
        except Exception as error:  # noqa: BLE001 (of Airflow's classes; none may undo what was done)
            log.warning(
                "The new API key is stored, but no DAG that is scheduled on it will be triggered: its asset event "
                "could not be created (%s: %s).",
                type(error).__name__,
                error,
            )

    def warn_about_dropped(self) -> None:
        """Say once in the task's log how many new keys have no event."""
        if self.dropped:
            log.warning(
                "%d more new API keys are stored, but no DAG that is scheduled on them will be triggered: Airflow "
                "writes only so many events of one task in time. Spread the targets over more shards, or, on Airflow "
                "3, raise [workers] execution_api_timeout.",
                self.dropped,
            )

    def _emit(self, destination: str, extra: dict[str, Any]) -> None:
        from airflow_provider_polytomic._airflow.assets import events_of, make_alias_known, max_events

        asset = api_key_asset(destination)
        outlets = [(alias, self._context["outlet_events"][alias]) for alias in self._aliases]
        # An event under several aliases is written once.
        before = max(len(events_of(outlet)) for _, outlet in outlets)
        if before >= max_events():
            self.dropped += 1
            return
        for alias, outlet in outlets:
            if not before:
                make_alias_known(alias.name)
            outlet.add(asset, extra=extra)


def _is_ours(outlet: Any) -> bool:
    from airflow_provider_polytomic._airflow.assets import is_alias

    return is_alias(outlet) and outlet.name.partition(":")[0] == API_KEYS
