"""Rotation of a batch, by the package and by a plain pooled client in turn, with the same number of threads.

Ours is the operator's ``execute``: the file of targets, the rotations, the report, the events. Each has customers of
its own, because what another wrote would not be ours to replace.
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

__all__ = ["rotated", "write_targets"]

_TELL_EVERY = 20  # targets


def write_targets(file: Path, targets: Iterable[Sequence[str]]) -> None:
    """Write a file of targets, as JSON Lines."""
    with file.open("w") as lines:
        for number, (org_id, user_id) in enumerate(targets):
            destination = f"airflow://connection/customer_{number}"
            lines.write(json.dumps({"org_id": org_id, "user_id": user_id, "destination": destination}) + "\n")


def rotated(
    operator_class: type[PolytomicBatchRotateApiKeysOperator], file: Path, workers: int, tell: Callable[[], None]
) -> dict[str, Any]:
    """Run the fleet's operator on a file of targets, and return its summary.

    :param tell: told after each key.
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
    summary = dict(operator.execute(task_context(tell)))
    if summary["rotated"] != summary["targets"]:
        raise AssertionError(summary)
    return summary


class _Rounds:
    """One measurement after the other, with its progress."""

    def __init__(self, given: dict[str, Any], folder: Path) -> None:
        self.given, self.workers = given, given["workers"]
        self.plain = Plain(given, self.workers)
        self.distance = Distance(given["orders"])
        self.file, self.few = folder / "targets.jsonl", folder / "few.jsonl"
        write_targets(self.file, given["ours"])
        write_targets(self.few, given["ours"][: self.workers])
        self.done = 0

    def warm_up(self) -> None:
        """Import what is imported by the first key, and rotate a few: what a task pays once is not told."""
        rotated(PolytomicBatchRotateApiKeysOperator, self.few, self.workers, lambda: None)

    def run(self, who: str) -> dict[str, float]:
        """Rotate all of one's customers, and return the seconds, and those of the processor, that it took."""
        self.distance.forget()
        began, used = time.monotonic(), _processor_seconds()
        if who == "ours":
            forget_masked()
            rotated(PolytomicBatchRotateApiKeysOperator, self.file, self.workers, self._tell)
        else:
            self._bare()
        seconds, processor = time.monotonic() - began, _processor_seconds() - used
        return {"seconds": seconds, "processor": processor, "requests": float(len(self.distance.noted()))}

    def _bare(self) -> None:
        with ThreadPoolExecutor(self.workers) as threads:
            names = (f"plain_{number}" for number in range(len(self.given["plain"])))
            for _ in threads.map(self.plain.rotate, self.given["plain"], names):
                self._tell()

    def _tell(self) -> None:
        self.done += 1
        if self.done % _TELL_EVERY == 0:
            child.progress(self.done, len(self.given["ours"]) * len(self.given["order"]))


def _measure(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
    with tempfile.TemporaryDirectory() as folder:
        rounds = _Rounds(given, Path(folder))
        rounds.warm_up()
        for who in given["order"]:
            found[who].append(rounds.run(who))
    told: dict[str, Any] = {"targets": len(given["ours"]), "workers": given["workers"]}
    for who, runs in found.items():
        if runs:
            told[who] = {what: Figures.of([run[what] for run in runs]).to_json() for what in runs[0]}
    if all(found.values()):
        told["speed_of_plain"] = quotient(told["plain"]["seconds"]["median"], told["ours"]["seconds"]["median"])
    return told


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    child.result(_measure(child.arguments()))
