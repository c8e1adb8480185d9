"""What does a DAG file pay for importing the operator? Measured in fresh processes, after ``BaseOperator`` is there.

    python benchmarks/import_cost.py [ROUNDS]

Each round starts one process per module, in turn, so that a change of the machine's speed meets them all alike. The
alternative named beside ours is Airflow's own ``EmptyOperator``; ``HttpHook`` shows what an eager import would cost.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from rich.console import Console
from rich.progress import track
from rich.table import Table

MODULES = {
    "ours": "airflow_provider_polytomic.operators.api_keys",
    "EmptyOperator": "airflow.providers.standard.operators.empty",
    "HttpHook": "airflow.providers.http.hooks.http",
}
CHILD = """
import json, sys, time
began = time.perf_counter()
try:
    from airflow.sdk import BaseOperator
except ImportError:
    from airflow.models.baseoperator import BaseOperator
base, before = time.perf_counter() - began, len(sys.modules)
began = time.perf_counter()
__import__(sys.argv[1])
print("RESULT", json.dumps([base, time.perf_counter() - began, len(sys.modules) - before]))
"""


def measure(module: str) -> tuple[float, float, int]:
    """Return seconds for ``BaseOperator``, seconds for the module after it, and how many modules that added."""
    run = subprocess.run([sys.executable, "-c", CHILD, module], capture_output=True, text=True, check=True)
    line = next(line for line in run.stdout.splitlines() if line.startswith("RESULT "))
    base, extra, modules = json.loads(line.removeprefix("RESULT "))
    return base, extra, modules


def main(rounds: int) -> None:
    """Measure and print the medians with their spread."""
    figures: dict[str, list[tuple[float, float, int]]] = {name: [] for name in MODULES}
    for module in MODULES.values():
        measure(module)  # byte code is compiled now, not while measuring
    for _ in track(range(rounds), description="fresh processes"):
        for name, module in MODULES.items():
            figures[name].append(measure(module))
    table = Table("import after BaseOperator", "median ms", "min-max ms", "modules added", "of BaseOperator's own time")
    for name, runs in figures.items():
        extra = [1000 * run[1] for run in runs]
        share = statistics.median(run[1] / run[0] for run in runs)
        spread = f"{min(extra):.1f}-{max(extra):.1f}"
        table.add_row(name, f"{statistics.median(extra):.1f}", spread, str(runs[0][2]), f"{share:.2%}")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
