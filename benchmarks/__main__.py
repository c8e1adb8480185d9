"""``python -m benchmarks``: measure, save the results, and write the benchmarks page of the documentation."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.environment import ROOT
from benchmarks.page import newest, write_page
from benchmarks.plan import FULL, QUICK, measure_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short trial of everything, without Airflow")
    parser.add_argument("--page", action="store_true", help="only write the page from the newest results")
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        help="folder for results and page (default: benchmarks/results and docs; with --quick build/benchmarks)",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the arguments say, and return the exit status."""
    options = _parser().parse_args(arguments)
    out = options.out or (ROOT / "build" / "benchmarks" if options.quick else None)
    folder, docs = (out, out) if out else (RESULTS, DOCS)
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    if not options.page:
        results = _measure(console, quick=options.quick)
        results["command"] = "python -m benchmarks" + (" --quick" if options.quick else "")
        file = folder / _name(results["machine"])
        file.write_text(json.dumps(results, indent=1) + "\n")
        console.print(f"Results: {file}")
    for written in write_page(newest(folder), docs):
        console.print(f"Written: {written}")
    return 0


def _measure(console: Console, *, quick: bool) -> dict[str, Any]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:

        def step(name: str) -> Callable[[int, int], None]:
            for earlier in progress.tasks:
                progress.update(earlier.id, completed=earlier.total or 1, total=earlier.total or 1)
                progress.stop_task(earlier.id)
            task = progress.add_task(name, total=None)
            return lambda done, of: progress.update(task, completed=done, total=of)

        return measure_all(QUICK if quick else FULL, step)


def _name(machine: dict[str, Any]) -> str:
    """Return the file name of a run, from its time and machine."""
    when = machine["measured_at"][:19].replace(":", "")
    return f"{when}-{machine['cores']}-cores-airflow-{machine['airflow']}.json"


if __name__ == "__main__":
    sys.exit(main())
