"""The part of Airflow's context that an operator reads, so that a measuring process can run it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tests.runs import airflow_run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["task_context"]


class _Events:
    """Airflow's own collection of a task's events, which reports when an operator adds one."""

    def __init__(self, on_progress: Callable[[], None]) -> None:
        if AIRFLOW_V_3_0_PLUS:
            from airflow.sdk.execution_time.context import OutletEventAccessors
        else:
            from airflow.utils.context import OutletEventAccessors
        self._real: Any = OutletEventAccessors()
        self._on_progress = on_progress

    def __getitem__(self, key: Any) -> Any:
        self._on_progress()
        return self._real[key]


def task_context(on_progress: Callable[[], None]) -> Any:
    """Return the context of the first try of a manual run of this moment.

    :param on_progress: called at each new key.
    """
    ti = SimpleNamespace(map_index=-1, try_number=1, max_tries=3, xcom_push=lambda **_what: None)
    return {"dag_run": airflow_run(datetime.now(UTC)), "ti": ti, "outlet_events": _Events(on_progress)}
