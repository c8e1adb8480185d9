"""The cost of parsing and serialising a DAG of a thousand tasks, next to two of Airflow's own operators.

One process measures all of them in turn, after importing the modules of the operators.
"""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from benchmarks import child
from benchmarks.figures import Figures, quotient
from benchmarks.imports import STANDARD

__all__: list[str] = []

_HEAD = """
from datetime import timedelta
try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
from {module} import {operator} as Operator

with DAG("{name}", schedule=None):
    for n in range({tasks}):
        Operator(task_id=f"task_{{n}}", {given})
"""
_IDS = 'org_id="248df4b7-aa70-47b8-a036-33ac447e668d", user_id="0ecd09c1-b901-4d27-9053-f0367c427254"'
_WHERE = 'destination=f"airflow://connection/customer_{n}"'
_FILES = {
    "ours": (
        "airflow_provider_polytomic.operators.api_keys",
        "PolytomicRotateApiKeyOperator",
        f"{_IDS}, {_WHERE}, max_age=timedelta(days=6)",
    ),
    "empty": (f"{STANDARD}.empty", "EmptyOperator", ""),
    "bash": (f"{STANDARD}.bash", "BashOperator", 'bash_command=f"echo {n}"'),
}


def _parse(file: Path) -> Any:
    module = import_module("airflow.dag_processing.dagbag" if AIRFLOW_V_3_0_PLUS else "airflow.models")
    bag = module.DagBag(dag_folder=str(file.parent), collect_dags=False)
    bag.process_file(str(file), only_if_updated=False)
    if bag.import_errors:
        raise AssertionError(bag.import_errors)
    (dag,) = bag.dags.values()
    return dag


def _migrate() -> None:
    """Create the database, which 2.11 needs to serialise the alias in a task's outlets."""
    if not AIRFLOW_V_3_0_PLUS:
        subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], stdout=sys.stderr, check=True)


def _serialise(dag: Any) -> int:
    module = import_module("airflow.serialization.serialized_objects")
    serialization = getattr(module, "DagSerialization" if AIRFLOW_V_3_0_PLUS else "SerializedDAG")
    return len(json.dumps(serialization.to_dict(dag)))


def _measure(rounds: int, tasks: int) -> dict[str, Any]:
    parsing: dict[str, list[float]] = {name: [] for name in _FILES}
    serialising: dict[str, list[float]] = {name: [] for name in _FILES}
    size = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (module, operator, given) in _FILES.items():
            text = _HEAD.format(module=module, operator=operator, name=f"dag_{name}", tasks=tasks, given=given)
            Path(folder, f"{name}.py").write_text(text)
        for number in range(-1, rounds):
            for name in random.sample(list(_FILES), len(_FILES)):
                gc.collect()
                started = time.perf_counter()
                dag = _parse(Path(folder, f"{name}.py"))
                parsed = time.perf_counter()
                size[name] = _serialise(dag)
                ended = time.perf_counter()
                if number >= 0:
                    parsing[name].append(parsed - started)
                    serialising[name].append(ended - parsed)
            child.progress(number + 2, rounds + 1)
    return {"tasks": tasks, "rounds": rounds, "operators": _summarise(parsing, serialising, size)}


def _summarise(
    parsing: dict[str, list[float]], serialising: dict[str, list[float]], size: dict[str, int]
) -> dict[str, dict[str, Any]]:
    both = {name: [sum(pair) for pair in zip(parsing[name], serialising[name], strict=True)] for name in _FILES}
    empty = {id(series): Figures.of(series["empty"]).median for series in (parsing, serialising, both)}
    summary: dict[str, dict[str, Any]] = {}
    for name in _FILES:
        summary[name] = {"operator": _FILES[name][1], "bytes": size[name]}
        for what, series in {"parse": parsing, "serialise": serialising, "both": both}.items():
            figures = Figures.of(series[name])
            summary[name][what] = figures.to_json() | {"of_empty": quotient(figures.median, empty[id(series)])}
    return summary


if __name__ == "__main__":
    _migrate()
    child.result(_measure(child.arguments()["rounds"], child.arguments()["tasks"]))
