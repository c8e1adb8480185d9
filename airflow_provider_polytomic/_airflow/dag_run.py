"""Attributes of a DAG run that differ between Airflow 2.11 and 3.x."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS

__all__ = ["run_time", "schedule_zone"]


def run_time(run: Any) -> datetime:
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


def schedule_zone(dag: Any) -> tzinfo:
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
