"""How does a forked process run a DAG's tasks? Each as one try of it: ``execute``, with what Airflow gives it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.operators import api_keys, organizations, users
from airflow_provider_polytomic.operators.base import PolytomicOperator
from tests.runs import airflow_run

if TYPE_CHECKING:
    from .job import Tasks
    from .points import Points

__all__ = ["base_url", "context_of", "execute", "kill_the_running"]

_running: list[PolytomicOperator] = []


class FirstCall(PolytomicOperator):
    """What comes of it all: the customer's own connection is used."""

    def act(self, hook: PolytomicHook, context: Any) -> dict[str, Any]:
        return {"caller": hook.get_identity().id}

    def subject(self) -> str:
        return f"Connection {self.polytomic_conn_id}"


def execute(job: Tasks, points: Points) -> dict[str, Any]:
    """Execute one task after the other, and return what is to be reported.

    :raises PolytomicError: as the task would fail.
    :raises PolytomicError: as the task would.
    """
    results: dict[str, Any] = {}
    for task in job.tasks:
        parameters = {name: _rendered(value, results) for name, value in task.parameters.items()}
        operator = _class(task.operator)(task_id=task.task_id, retries=3, **{"retry_for": 2.0, **parameters})
        _running[:] = [operator]
        points.armed = job.struck in (None, task.task_id)
        results[task.task_id] = operator.execute(context_of(datetime.now(UTC), job.try_number))
        if operator._is_killed():
            break  # its process would end here
    points.armed = False
    return {"results": results, "since": points.since}


def kill_the_running() -> None:
    """Tell the task that runs that Airflow wants it to end."""
    for operator in _running:
        operator.on_kill()


def context_of(moment: datetime, try_number: int = 1) -> dict[str, Any]:
    """Return as much of a task's context as our operators look at."""
    run = airflow_run(moment)
    return {"dag_run": run, "ti": SimpleNamespace(map_index=-1, try_number=try_number)}


def base_url() -> str:
    """Return the address of the Polytomic that the tasks ask."""
    with closing(PolytomicHook()) as hook:
        return hook.base_url


def _class(name: str) -> type[PolytomicOperator]:
    if name == FirstCall.__name__:
        return FirstCall
    found: type[PolytomicOperator] = next(
        getattr(module, name) for module in (organizations, users, api_keys) if hasattr(module, name)
    )
    return found


def _rendered(value: Any, results: dict[str, Any]) -> Any:
    """Fill in what earlier tasks returned, as a template does."""
    if isinstance(value, list):
        return [_rendered(each, results) for each in value]
    return value.format(**results) if isinstance(value, str) else value
