"""Restart a program that caches an API key, each time a new key is stored.

It needs a task in this Airflow that issues the key with `outlets=[api_keys_alias()]`, for example the DAG
`polytomic_rotate_api_key`.

Change the destination in `schedule`, and put your own restart command into `restart_gateway`. A new key starts the DAG.
Trigger it by hand to restart the program at any time.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Variable, dag, get_current_context, task

from airflow_provider_polytomic.assets import api_key_asset, new_keys

# Name of the Variable that holds the fingerprint of the key for which the gateway was last restarted.
RESTARTED_FOR = "acme_gateway_restarted_for"


def restart_gateway(key: dict[str, Any] | None) -> None:
    """Replace this with your own restart, for example ``kubectl rollout restart deployment/acme-gateway``.

    It gets the reference to the new key, never the key itself. It gets None if the run was started by hand.
    """
    logging.getLogger(__name__).info("Restarting the gateway: %s", key or "started by hand")


@dag(
    doc_md=__doc__,
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
        # The same key can be reported twice: by a retry of the task that issued it, or when this run is cleared.
        if Variable.get(RESTARTED_FOR, None) == newest["fingerprint"]:
            return "restarted already"
        restart_gateway(newest)
        # Only after the restart: if it fails, the next try must repeat it.
        Variable.set(RESTARTED_FOR, newest["fingerprint"])
        return "restarted"

    restart_once()


polytomic_restart_on_new_key()
