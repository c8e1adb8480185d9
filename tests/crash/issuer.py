"""What does a forked process do? Issue with the real hook into the real store, and report what readers then get."""

from __future__ import annotations

import os
import signal
from contextlib import closing, nullcontext
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, Renew, issue
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.opening import Stores
from airflow_provider_polytomic.targets import Target
from airflow_provider_polytomic.version_compat import AirflowFailException, mask_secret, variable_get

from .in_a_task import in_a_task
from .points import Points, Watched, watch_inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.references import Reference

    from .job import Job

__all__ = ["TERMINATED", "perform"]

_ISSUER = "https://app.polytomic.com"
TERMINATED = 143  # the exit code of a process that a shell saw terminated


class _TerminatedError(BaseException):
    """What Airflow 2.11's signal handler raises in the middle of a task: ``AirflowTaskTerminated``, no Exception."""


def perform(job: Job, tell: Callable[[dict[str, Any]], None]) -> int:
    """Do the job in this process, and return its exit code.

    :param tell: hears what is to be reported.
    """
    for name, value in job.environ.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    if job.uid is not None:
        os.setgroups([])
        os.setgid(job.uid)
        os.setuid(job.uid)
    points = Points(job.strike, lambda name: tell({"point": name}))
    if job.strike and job.strike.signal == signal.SIGTERM:
        signal.signal(signal.SIGTERM, _raise_terminated)
    with in_a_task() if job.in_a_task else nullcontext():
        if job.strike and job.strike.watch != "calls":
            watch_inside(points, lines=job.strike.watch == "lines")
        try:
            return _run(job, points, tell)
        except _TerminatedError:
            return TERMINATED


def _run(job: Job, points: Points, tell: Callable[[dict[str, Any]], None]) -> int:
    references: list[dict[str, Any]] = []
    try:
        with closing(PolytomicHook(retry_for=20.0)) as hook:
            stores = Stores(issuer=_ISSUER if job.operator else hook.base_url)
            for number, (forced, run_time) in enumerate(job.runs, 1):
                points.armed = number == len(job.runs)
                references.append(
                    _operate(job, forced, run_time)
                    if job.operator
                    else _issue(job, hook, stores, points, forced=forced, run_time=run_time).to_json(job.destination)
                )
                points.armed = False
    except (PolytomicError, AirflowFailException) as error:
        points.armed = False
        notes = [str(note) for note in getattr(error, "__notes__", ())]
        retryable = isinstance(error, PolytomicError) and error.retryable
        tell({"error": {"type": type(error).__name__, "text": " ".join([str(error), *notes]), "retryable": retryable}})
        return 1
    record = stores.open(job.destination).read_record()
    tell(
        {
            "references": references,
            "readers_get": _readers_get(job.destination),
            "record": dict(record) if record else None,
        }
    )
    return 0


def _issue(job: Job, hook: PolytomicHook, stores: Stores, points: Points, *, forced: bool, run_time: str) -> Reference:
    return issue(
        Watched(hook, points),
        Watched(stores.open(job.destination), points),
        Target.parse(job.org_id, job.user_id),
        Renew(datetime.fromisoformat(run_time)) if forced else Ensure(),
        hide=mask_secret,
    )


def _operate(job: Job, forced: bool, run_time: str) -> dict[str, Any]:
    moment = datetime.fromisoformat(run_time)
    run = SimpleNamespace(run_after=moment, logical_date=moment, data_interval_end=moment, run_type="manual")
    operator = PolytomicCreateApiKeyOperator(
        task_id="issue",
        org_id=job.org_id,
        user_id=job.user_id,
        destination=job.destination,
        force=forced,
        retry_for=2.0,
        retries=1,
    )
    return operator.execute({"dag_run": run, "ti": SimpleNamespace(map_index=-1)})


def _readers_get(destination: str) -> str | None:
    """Ask as the next task does, through Airflow's own look-up; outside Airflow, as the hook does."""
    parsed = Destination.parse(destination)
    if parsed.kind == "secret":
        with closing(PolytomicHook(api_key_destination=destination)) as hook:
            return hook.settings.key.fingerprint
    text = BaseHook.get_connection(parsed.name).password if parsed.kind == "connection" else variable_get(parsed.name)
    return ApiKey(text).fingerprint if text else None


def _raise_terminated(_signal: int, _frame: object) -> None:
    raise _TerminatedError
