"""The DAG run of a task: its identity, its time and the time zone of its schedule."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic._issuance.record import Run

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

__all__ = ["dag_run"]

# Never change it: records contain ids of runs that are derived from it.
_RUNS = uuid.UUID("0f0b6c1e-5b1a-5d0e-8a52-7c3e4b2d9f10")


def dag_run(context: Context) -> Run:
    """Return the DAG run of a task, which is the same for every try and after a clear.

    Its id is a hash of the ids of the DAG and the run, because those can be long and contain characters that a tag
    cannot.
    """
    run, dag = context["dag_run"], context.get("dag")
    name = json.dumps([run.dag_id, run.run_id])
    return Run(str(uuid.uuid5(_RUNS, name)), _run_time(run), _zone(dag))


def _zone(dag: Any) -> tzinfo:
    """Return the time zone in which a DAG's schedule counts days; a cron timetable can have its own.

    2.11 stores it in ``_timezone``; 3.x in ``timezone``, as a string if the DAG passes a string.
    """
    timetable = getattr(dag, "timetable", None)
    timetable = getattr(timetable, "timetable", timetable)  # AssetOrTimeSchedule
    # All crons of one timetable have the same zone.
    timetable = next(iter(getattr(timetable, "timetables", ())), timetable)
    for zone in (
        *(getattr(timetable, name, None) for name in ("timezone", "_timezone")),
        getattr(dag, "timezone", None),
    ):
        if isinstance(zone, tzinfo):
            return zone
        if isinstance(zone, str):
            with suppress(ValueError, ZoneInfoNotFoundError):
                return ZoneInfo(zone)
    return UTC


def _run_time(run: Any) -> datetime:
    """Return the time that a DAG run is for, in UTC.

    3.x: ``run_after`` (``logical_date`` is None for asset-triggered runs). 2.11: the end of the data interval for
    scheduled and backfill runs, the logical date for the others. ``start_date`` and ``queued_at`` change on clear.
    """
    if AIRFLOW_V_3_0_PLUS:
        moment = run.run_after
    else:
        run_type = getattr(run.run_type, "value", run.run_type)
        moment = (
            run.data_interval_end
            if run_type in {"scheduled", "backfill"} and run.data_interval_end
            else run.logical_date
        )
    return datetime.fromtimestamp(moment.timestamp(), tz=UTC)
