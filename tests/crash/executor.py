"""Forked process that runs one try of a DAG's tasks: ``execute`` with a context like Airflow's."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.operators import api_keys, organizations, users
from airflow_provider_polytomic.operators._base import PolytomicOperator
from tests.runs import airflow_run

from .job import Job

if TYPE_CHECKING:
    from tests.crash.kill_points import Points

__all__ = ["Task", "Tasks", "base_url"]

_running: list[PolytomicOperator] = []


@dataclass(frozen=True)
class Task:
    """One task of a DAG.

    :param operator: the name of its class.
    :param parameters: the parameters in the DAG. ``{organization[id]}`` in a string is the ``id`` that the task
        ``organization`` has returned.
    """

    task_id: str
    operator: str
    parameters: dict[str, Any]


class FirstCall(PolytomicOperator):
    """Task that calls Polytomic with the customer's own connection."""

    _map_index_field = "polytomic_conn_id"

    def __init__(self, *, polytomic_conn_id: str, retry_for: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for

    def _perform(self, hook: PolytomicHook, context: Any, /) -> dict[str, Any]:
        return {"caller": hook.get_identity().id}

    def _describe(self) -> dict[str, str]:
        return {"connection": str(self.polytomic_conn_id)}


_CLASSES = {"FirstCall": FirstCall, **vars(organizations), **vars(users), **vars(api_keys)}


@dataclass(frozen=True, kw_only=True)
class Tasks(Job):
    """Execute the tasks of one DAG run, one after the other in one process, and report ``results`` by their names.

    :param try_number: the number of the try of each task.
    :param interrupted: the only task that is interrupted; None for all.
    """

    tasks: tuple[Task, ...]
    try_number: int = 1
    interrupted: str | None = None

    def do(self, points: Points) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for task in self.tasks:
            parameters = {name: _rendered(value, results) for name, value in task.parameters.items()}
            operator = _CLASSES[task.operator](task_id=task.task_id, retries=3, **{"retry_for": 60.0, **parameters})
            _running[:] = [operator]
            points.armed = self.interrupted in (None, task.task_id)
            results[task.task_id] = operator.execute(_context(self.try_number))
            if operator._is_killed():
                break  # its process would end here
        points.armed = False
        return {"results": results, "since": points.since}

    def end(self) -> None:
        for operator in _running:
            operator.on_kill()


def _context(try_number: int) -> dict[str, Any]:
    """Return the part of a task's context that the operators read."""
    return {"dag_run": airflow_run(datetime.now(UTC)), "ti": SimpleNamespace(map_index=-1, try_number=try_number)}


def base_url() -> str:
    """Return the address of the tasks' Polytomic."""
    with closing(PolytomicHook()) as hook:
        return hook.base_url


def _rendered(value: Any, results: dict[str, Any]) -> Any:
    """Replace the results of earlier tasks in a parameter, like a template."""
    if isinstance(value, list):
        return [_rendered(each, results) for each in value]
    return value.format(**results) if isinstance(value, str) else value
