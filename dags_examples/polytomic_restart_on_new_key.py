"""Restart what keeps an API key in its memory, as soon as there is a new key at the destination.

It starts by itself when a task of this Airflow has issued one. Start it by hand to restart in any case.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Variable, dag, get_current_context, task

from airflow_provider_polytomic.assets import api_key_asset, new_keys

# A Variable: the fingerprint of the key that the gateway was last restarted for. It tells nothing of the key.
RESTARTED_FOR = "acme_gateway_restarted_for"


def restart_gateway(key: dict[str, Any] | None) -> None:
    """Put here what restarts yours, such as ``kubectl rollout restart deployment/acme-gateway``.

    It gets the reference of the new key, never the key itself, or None if the run was started by hand.
    """
    logging.getLogger(__name__).info("Restarting the gateway: %s", key or "somebody asked for it.")


@dag(
    schedule=[api_key_asset("airflow://connection/acme_polytomic")],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    tags=["polytomic"],
)
def polytomic_restart_on_new_key() -> None:
    @task
    def restart_once() -> str:
        keys = new_keys(get_current_context())
        if not keys:
            restart_gateway(None)
            return "restarted by hand"
        newest = keys[-1]
        # The same key can be told of twice: by a retry of the task that issued it, or where this run is cleared.
        if Variable.get(RESTARTED_FOR, None) == newest["fingerprint"]:
            return "restarted already"
        restart_gateway(newest)
        # Not before: if the restart fails, the next try must not take it for done.
        Variable.set(RESTARTED_FOR, newest["fingerprint"])
        return "restarted"

    restart_once()


polytomic_restart_on_new_key()
