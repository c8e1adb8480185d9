"""The time to import an operator in a DAG file, and the cost of installing this package for every Airflow.

Each round imports ``BaseOperator`` in a new process and forks it for each module, so that all modules start with the
same imports, and all rounds with none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environment import ROOT
from benchmarks.figures import Figures, quotient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MODULES", "STANDARD", "measure_imports", "measure_presence"]

DISTRIBUTION = "airflow-provider-polytomic"
# In Airflow 2.11 they are part of Airflow.
STANDARD = (
    "airflow.operators"
    if metadata.version("apache-airflow").startswith("2.")
    else "airflow.providers.standard.operators"
)
MODULES = (
    "airflow_provider_polytomic.operators.api_keys",
    "airflow_provider_polytomic.operators.batch",
    "airflow_provider_polytomic.operators.users",
    "airflow_provider_polytomic.operators.organizations",
    f"{STANDARD}.empty",
    "airflow.providers.http.hooks.http",
)
_IN_FORKS = """
import json, os, sys, time
started = time.perf_counter()
try:
    from airflow.sdk import BaseOperator
except ImportError:
    from airflow.models.baseoperator import BaseOperator
base, results = time.perf_counter() - started, {}
for module in json.loads(sys.argv[1]):
    reading, writing = os.pipe()
    if not os.fork():
        started, before = time.perf_counter(), len(sys.modules)
        __import__(module)
        figures = [time.perf_counter() - started, len(sys.modules) - before]
        os.write(writing, json.dumps(figures).encode())
        os._exit(0)
    os.close(writing)
    results[module] = json.loads(os.read(reading, 1000))
    os.close(reading)
    os.wait()
print("RESULT", json.dumps([base, results]))
"""
_IMPORT_AIRFLOW = """
import site, sys
site.addsitedir(sys.argv[1])
import time
started = time.perf_counter()
import airflow
print("RESULT", time.perf_counter() - started)
"""


def measure_imports(rounds: int, env: Mapping[str, str], on_progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Measure the import of each module after ``BaseOperator``."""
    bases, results = [], {module: list[list[float]]() for module in MODULES}
    for number in range(-1 if rounds > 1 else 0, rounds):  # the first of several rounds compiles the bytecode
        base, modules = json.loads(_run([sys.executable, "-c", _IN_FORKS, json.dumps(MODULES)], env))
        if number >= 0:
            bases.append(base)
            for module, figures in modules.items():
                results[module].append(figures)
        on_progress(number + 2, rounds + 1)
    return {
        "base_operator": Figures.of(bases).to_json(),
        "modules": {
            module: {
                **Figures.of([seconds for seconds, _ in figures]).to_json(),
                "modules_added": round(figures[0][1]),
                "of_base_operator": quotient(Figures.of([s for s, _ in figures]).median, Figures.of(bases).median),
            }
            for module, figures in results.items()
        },
    }


def measure_presence(
    rounds: int, env: Mapping[str, str], on_progress: Callable[[int, int], None]
) -> dict[str, Any] | None:
    """Measure ``import airflow`` with and without this package; return None if it is not installed.

    Both folders have links to the installed packages, so that only this package makes a difference.
    """
    ours = _installed_files()
    if not ours:
        return None
    site = Path(sysconfig.get_paths()["purelib"])
    results: dict[str, list[float]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as folder:
        for which in results:
            links = Path(folder, which)
            links.mkdir()
            for installed in site.iterdir():
                if which == "with" or installed.name not in ours:
                    (links / installed.name).symlink_to(installed)
        for number in range(-1 if rounds > 1 else 0, rounds):
            for which in sorted(results, reverse=number % 2 == 0):
                command = [sys.executable, "-S", "-c", _IMPORT_AIRFLOW, str(Path(folder, which))]
                seconds = float(_run(command, env))
                if number >= 0:
                    results[which].append(seconds)
            on_progress(number + 2, rounds + 1)
    figures = {which: Figures.of(seconds) for which, seconds in results.items()}
    return {
        **{which: summary.to_json() for which, summary in figures.items()},
        "of_medians": quotient(figures["with"].median, figures["without"].median),
    }


def _installed_files() -> set[str]:
    """Return the names that this distribution has in the folder of installed packages."""
    try:
        files = metadata.distribution(DISTRIBUTION).files or []
    except metadata.PackageNotFoundError:
        return set()
    return {file.parts[0] for file in files if file.parts[0] != os.pardir}


def _run(command: list[str], env: Mapping[str, str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(env), cwd=ROOT.parent)
    line = next(line for line in run.stdout.splitlines() if line.startswith("RESULT "))
    return line.removeprefix("RESULT ")
