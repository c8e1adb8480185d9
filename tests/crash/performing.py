"""What does a forked process do? It becomes what the job says, has it done, and strikes itself on the way."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS

from . import executor, issuer, racer, rotator
from .in_a_task import in_a_task
from .job import Race, Rotations, Tasks
from .points import Points, watch_inside, watch_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from .job import AnyJob

__all__ = ["TERMINATED", "perform"]

TERMINATED = 143  # the exit code of a process that a shell saw terminated


class _TerminatedError(BaseException):
    """What Airflow 2.11's signal handler raises in the middle of a task: ``AirflowTaskTerminated``, no Exception."""


def perform(job: AnyJob, tell: Callable[[dict[str, Any]], None]) -> int:
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
    with in_a_task() if job.in_a_task else nullcontext():
        if job.strike:
            _watch(job, points)
        try:
            return _do(job, points, tell)
        except _TerminatedError:
            return TERMINATED


def _watch(job: AnyJob, points: Points) -> None:
    assert job.strike
    if job.strike.signal == signal.SIGTERM:
        signal.signal(signal.SIGTERM, _end_tasks if isinstance(job, Tasks) else _raise_terminated)
    if job.strike.watch == "requests":
        watch_requests(points, executor.base_url())
    elif job.strike.watch != "calls":
        watch_inside(points, lines=job.strike.watch == "lines")


def _do(job: AnyJob, points: Points, tell: Callable[[dict[str, Any]], None]) -> int:
    try:
        tell(_done(job, points))
    except PolytomicError as error:
        points.armed = False
        notes = [str(note) for note in getattr(error, "__notes__", ())]
        retryable = error.retryable
        text = " ".join([str(error), *notes])
        tell({"error": {"type": type(error).__name__, "text": text, "retryable": retryable}, "since": points.since})
        return 1
    return 0


def _done(job: AnyJob, points: Points) -> dict[str, Any]:
    match job:
        case Tasks():
            return executor.execute(job, points)
        case Rotations():
            return rotator.rotate(job, points)
        case Race():
            return racer.race(job)
    return issuer.issue_or_remove(job, points)


def _raise_terminated(_signal: int, _frame: object) -> None:
    raise _TerminatedError


def _end_tasks(signal_: int, frame: object) -> None:
    """Do as Airflow's own handlers: 3's calls ``on_kill`` and returns, 2.11's calls it and raises."""
    executor.kill_the_running()
    if not AIRFLOW_V_3_0_PLUS:
        _raise_terminated(signal_, frame)
