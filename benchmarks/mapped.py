"""Mapped tasks, one for each customer, on a real Airflow with LocalExecutor."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.environment import ROOT
from benchmarks.figures import Figures
from tools.airflow_sandbox.process import AirflowProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.environment import Servers

__all__ = ["airflow_of", "measure_mapped"]

_DAG = "mapped_rotation"
_SLOTS = 4
_RUN_SECONDS = 1800.0
_WHEN = "select min(start_date), max(end_date) from task_instance where dag_id = ? and run_id = ?"


@contextmanager
def airflow_of(servers: Servers, folder: Path, targets: list[list[str]]) -> Iterator[AirflowProcess]:
    """Start an Airflow with the DAG; it is not ready yet.

    :param folder: the folder for its home.
    """
    file = folder / "mapped.json"
    file.write_text(json.dumps([_task(number, *target) for number, target in enumerate(targets)]))
    env = servers.settings() | {
        "BENCHMARK_TARGETS": str(file),
        "AIRFLOW__CORE__PARALLELISM": str(_SLOTS),
        "PYTHONPATH": str(ROOT),
    }
    with AirflowProcess(folder / "airflow", dags_folder=ROOT / "benchmarks" / "dags", env=env) as airflow:
        yield airflow


def measure_mapped(airflow: AirflowProcess, tasks: int, on_progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Run the DAG once, and return the time from the start of the first task to the end of the last one."""
    airflow.wait_until_ready([_DAG])
    airflow.trigger(_DAG, run_id="measured")
    states = airflow.wait_for_run(
        _DAG,
        "measured",
        seconds=_RUN_SECONDS,
        on_change=lambda states: on_progress(list(states.tasks.values()).count("success"), tasks),
    )
    if states.run != "success":
        raise AssertionError(states)
    logs = [log.read_text() for log in airflow.logs.glob(f"dag_id={_DAG}/run_id=measured/task_id=rotate/**/*.log")]
    outage = Figures.of([float(seconds) for log in logs for seconds in re.findall(r"outage_seconds: ([\d.]+)", log)])
    started, ended = (datetime.fromisoformat(moment) for moment in airflow.query(_WHEN, _DAG, "measured")[0])
    seconds = round((ended - started).total_seconds(), 2)
    return {"targets": tasks, "slots": _SLOTS, "seconds": seconds, "outage_seconds": outage.to_json()}


def _task(number: int, org_id: str, user_id: str) -> dict[str, str]:
    return {"org_id": org_id, "user_id": user_id, "destination": f"airflow://connection/mapped_{number}"}
