"""Work of a forked process: prepare a job, run it, and interrupt itself."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.exceptions import PolytomicError
from tests.crash.kill_points import Points, watch_inside, watch_requests
from tests.crash.task_context import in_a_task

from .executor import Tasks, base_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from .job import Job

__all__ = ["TERMINATED", "perform"]

TERMINATED = 143  # the exit code that a shell reports for SIGTERM


class _TerminatedError(BaseException):
    """Stand-in for Airflow 2.11's ``AirflowTaskTerminated``, which its signal handler raises; not an Exception."""


def perform(job: Job, tell: Callable[[dict[str, Any]], None]) -> int:
    """Do the job in this process, and return its exit code.

    :param tell: called with the report.
    """
    for name, value in job.environ.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    if job.uid is not None:
        os.setgroups([])
        os.setgid(job.uid)
        os.setuid(job.uid)
    points = Points(job.interruption, lambda name: tell({"point": name}))
    with in_a_task() if job.in_a_task else nullcontext():
        if job.interruption:
            _watch(job, points)
        try:
            tell(job.do(points))
        except _TerminatedError:
            return TERMINATED
        except PolytomicError as error:
            points.armed = False
            tell({"error": _described(error), "since": points.since})
            return 1
    return 0


def _described(error: PolytomicError) -> dict[str, Any]:
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    return {
        "text": " ".join([str(error), *notes]),
        "reason": error.reason,
        "status": getattr(error, "status", None),
        "retryable": error.retryable,
    }


def _watch(job: Job, points: Points) -> None:
    assert job.interruption
    sys.dont_write_bytecode = True  # writing bytecode replaces a file, which would count as a point
    if job.interruption.signal == signal.SIGTERM:

        def terminate(_signal: int, _frame: object) -> None:
            """Act like Airflow's signal handlers: both call ``on_kill`` of the task, and 2.11's also raises."""
            job.end()
            if not (AIRFLOW_V_3_0_PLUS and isinstance(job, Tasks)):
                raise _TerminatedError

        signal.signal(signal.SIGTERM, terminate)
    if job.interruption.watch == "requests":
        watch_requests(points, base_url())
    elif job.interruption.watch != "calls":
        watch_inside(points, lines=job.interruption.watch == "lines")
