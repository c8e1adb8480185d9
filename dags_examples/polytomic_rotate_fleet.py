"""Rotate the keys of a fleet: each every week, in several tasks side by side, and tell somebody which ones failed.

It looks every night, so a customer who is new, or whose rotation failed, waits for a day and not for a week. Put your
own file below, with a line for each key, or set the parameters of a run::

    {"org_id": "...", "user_id": "...", "destination": "airflow://connection/acme_polytomic"}
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.fleet import PolytomicBatchRotateApiKeysOperator

SHARDS = 4


def tell_who_failed(context: Any) -> None:
    """Put here what wakes somebody up. Called once no retry is left, or none would help."""
    log, ti = logging.getLogger(__name__), context["ti"]
    summary = ti.xcom_pull(task_ids=ti.task_id, key="summary", map_indexes=ti.map_index)
    if not summary:  # the file is not there, a line of it cannot be meant, or the task died
        log.error("Part %d of the fleet: %s", ti.map_index, context.get("exception") or "its log says why it failed")
        return
    log.error(
        "Part %d of the fleet: %d of %d keys failed, %d were not started. The whole list is in %s.",
        ti.map_index, summary["failed"], summary["targets"], summary["not_started"], summary["report_path"],
    )  # fmt: skip
    for failure in summary["failures"]:  # the first 20
        log.error("%(destination)s of user %(user_id)s: %(error)s: %(message)s", failure)


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "targets": Param(
            "file:///opt/airflow/fleet.jsonl",
            type="string",
            title="Whose keys",
            description="JSON Lines or CSV, wherever Airflow's ObjectStoragePath reaches: s3://aws_default@bucket/fleet.csv",
        ),
        "report": Param(
            "file:///opt/airflow/fleet-report.jsonl",
            type="string",
            title="Report",
            description="A line for each key. Each task writes a file of its own: fleet-report.shard-0-of-4.jsonl",
        ),
        "check_only": Param(
            default=False,
            type="boolean",
            title="Only look",
            description="Report which keys are due and whether they could be issued and stored; issue nothing",
        ),
    },
    # While a store is down, a few readers of each part are cut off, so do not give up soon.
    default_args={"retries": 10, "retry_delay": timedelta(seconds=30), "on_failure_callback": tell_who_failed},
    tags=["polytomic"],
)
def polytomic_rotate_fleet() -> None:
    PolytomicBatchRotateApiKeysOperator.partial(
        task_id="rotate_fleet",
        targets="{{ params.targets }}",
        report_path="{{ params.report }}",
        max_age=timedelta(days=7),
        max_workers=8,
        max_failures=10,
        check_only="{{ params.check_only }}",
        shards=SHARDS,
        outlets=[api_keys_alias()],
    ).expand(shard=list(range(SHARDS)))


polytomic_rotate_fleet()
