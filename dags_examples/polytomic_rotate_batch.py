"""Rotate the API keys of many customers once a week, in several parallel tasks, and report the keys that fail.

It needs:

- the connection `polytomic_default` with a partner key
- a secrets backend that writes each key separately: Vault, OpenBao or AWS
- a file with one line for each key, in the folder `FOLDER` of the DAG file:

      {"org_id": "...", "user_id": "...", "destination": "airflow://connection/acme_polytomic"}

The DAG checks every night which keys are due. A new customer, or one whose rotation failed, therefore waits for one day
and not for a week. Change the folder, and put your own alert into `report_failures`.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator

SHARDS = 4
# Only files of this folder: a file says which destinations are written, so whoever may trigger this DAG could otherwise
# write to any of them, and the report over any file.
FOLDER = "file:///opt/airflow/"


def report_failures(context: Any) -> None:
    """Replace this with your own alert. Airflow calls it when no retry is left or a retry cannot help."""
    log, ti = logging.getLogger(__name__), context["ti"]
    summary = ti.xcom_pull(task_ids=ti.task_id, key="summary", map_indexes=ti.map_index)
    if not summary:  # the file is missing, one of its lines is invalid, or the task was killed
        log.error("Shard %d: %s", ti.map_index, context.get("exception") or "see the log of the task")
        return
    log.error(
        "Shard %d: %d of %d keys failed, %d were not started. The report lists all of them: %s",
        ti.map_index, summary["failed"], summary["targets"], summary["not_started"], summary["report_path"],
    )  # fmt: skip
    for failure in summary["failures"]:  # the first 20
        log.error("%(destination)s of user %(user_id)s: %(error)s: %(message)s", failure)


@dag(
    doc_md=__doc__,
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "targets": Param(
            f"{FOLDER}rotation-targets.jsonl",
            type="string",
            pattern=rf"^{FOLDER}[\w.-]+\.(jsonl|csv)$",
            title="Targets",
            description=f"A JSON Lines or CSV file with the keys, in {FOLDER}.",
        ),
        "report": Param(
            f"{FOLDER}rotation-report.jsonl",
            type="string",
            pattern=rf"^{FOLDER}[\w-][\w.-]*\.jsonl$",
            title="Report",
            description=f"A .jsonl file in {FOLDER} with one line for each key. Each task writes its own: "
            "rotation-report.shard-0-of-4.jsonl.",
        ),
        "check_only": Param(
            default=False,
            type="boolean",
            title="Check only",
            description="Report which keys are due and whether they can be issued and stored. Issue no key.",
        ),
    },
    # If the store fails, up to max_workers customers of each shard have no working key until a retry stores it.
    default_args={"retries": 10, "retry_delay": timedelta(seconds=30), "on_failure_callback": report_failures},
    tags=["polytomic"],
)
def polytomic_rotate_batch() -> None:
    PolytomicBatchRotateApiKeysOperator.partial(
        task_id="rotate_api_keys",
        targets="{{ params.targets }}",
        report_path="{{ params.report }}",
        max_age=timedelta(days=7),
        max_workers=8,
        max_failures=10,
        check_only="{{ params.check_only }}",
        shards=SHARDS,
        outlets=[api_keys_alias()],
    ).expand(shard=list(range(SHARDS)))


polytomic_rotate_batch()
