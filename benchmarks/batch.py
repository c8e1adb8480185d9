"""Rotation of a batch, by the package and by a plain pooled client in turn, with the same number of threads.

For the package, the operator's ``execute`` runs: the file of targets, the rotations, the report, the events. Each side
has its own customers, because the operator does not replace keys that another program has written.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator
from benchmarks import child
from benchmarks.context import task_context
from benchmarks.environment import CONN_ID, Distance
from benchmarks.figures import Figures, quotient
from benchmarks.ours import forget_masked
from benchmarks.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["rotate_batch", "write_targets"]

_PROGRESS_EVERY = 20  # targets


def write_targets(file: Path, targets: Iterable[Sequence[str]]) -> None:
    """Write a file of targets, as JSON Lines."""
    with file.open("w") as lines:
        for number, (org_id, user_id) in enumerate(targets):
            destination = f"airflow://connection/customer_{number}"
            lines.write(json.dumps({"org_id": org_id, "user_id": user_id, "destination": destination}) + "\n")


def rotate_batch(
    operator_class: type[PolytomicBatchRotateApiKeysOperator], file: Path, workers: int, on_progress: Callable[[], None]
) -> dict[str, Any]:
    """Run the batch operator on a file of targets, and return its summary.

    :param on_progress: called after each key.
    """
    operator = operator_class(
        task_id="rotate",
        targets=str(file),
        max_age=0,
        max_workers=workers,
        report_path=f"{file}.report.jsonl",
        polytomic_conn_id=CONN_ID,
        retries=3,
        outlets=[api_keys_alias()],
    )
    summary = dict(operator.execute(task_context(on_progress)))
    if summary["rotated"] != summary["targets"]:
        raise AssertionError(summary)
    return summary


class _Rounds:
    """Measurements one after the other, with their progress."""

    def __init__(self, given: dict[str, Any], folder: Path) -> None:
        self.given, self.workers = given, given["workers"]
        self.plain = Plain(given, self.workers)
        self.distance = Distance(given["orders"])
        self.file, self.few = folder / "targets.jsonl", folder / "few.jsonl"
        write_targets(self.file, given["ours"])
        write_targets(self.few, given["ours"][: self.workers])
        self.done = 0

    def warm_up(self) -> None:
        """Rotate a few keys, so that the cost of the first key is not measured."""
        rotate_batch(PolytomicBatchRotateApiKeysOperator, self.few, self.workers, lambda: None)

    def run(self, who: str) -> dict[str, float]:
        """Rotate all customers of one side, and return the seconds, processor seconds and requests."""
        self.distance.forget()
        started, used = time.monotonic(), _processor_seconds()
        if who == "ours":
            forget_masked()
            rotate_batch(PolytomicBatchRotateApiKeysOperator, self.file, self.workers, self._on_progress)
        else:
            self._bare()
        seconds, processor = time.monotonic() - started, _processor_seconds() - used
        return {"seconds": seconds, "processor": processor, "requests": float(len(self.distance.noted()))}

    def _bare(self) -> None:
        with ThreadPoolExecutor(self.workers) as threads:
            names = (f"plain_{number}" for number in range(len(self.given["plain"])))
            for _ in threads.map(self.plain.rotate, self.given["plain"], names):
                self._on_progress()

    def _on_progress(self) -> None:
        self.done += 1
        if self.done % _PROGRESS_EVERY == 0:
            child.progress(self.done, len(self.given["ours"]) * len(self.given["order"]))


def _measure(given: dict[str, Any]) -> dict[str, Any]:
    results: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
    with tempfile.TemporaryDirectory() as folder:
        rounds = _Rounds(given, Path(folder))
        rounds.warm_up()
        for who in given["order"]:
            results[who].append(rounds.run(who))
    summary: dict[str, Any] = {"targets": len(given["ours"]), "workers": given["workers"]}
    for who, runs in results.items():
        if runs:
            summary[who] = {what: Figures.of([run[what] for run in runs]).to_json() for what in runs[0]}
    if all(results.values()):
        summary["speed_of_plain"] = quotient(
            summary["plain"]["seconds"]["median"], summary["ours"]["seconds"]["median"]
        )
    return summary


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    child.result(_measure(child.arguments()))
