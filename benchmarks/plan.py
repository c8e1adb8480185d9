"""The measurements, how often each one is repeated, and their order: one after the other."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.child import run_measurement
from benchmarks.environment import Distance, start_servers
from benchmarks.imports import measure_imports, measure_presence
from benchmarks.machine import machine
from benchmarks.mapped import airflow_of, measure_mapped
from tools.airflow_sandbox.environment import isolated, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.environment import Servers

__all__ = ["FULL", "QUICK", "Plan", "measure_all"]

FAR = 0.05  # seconds of a round trip


@dataclass(frozen=True)
class Plan:
    """The size of each measurement.

    :param import_rounds: the number of new processes.
    :param parse_tasks: the tasks of each DAG.
    :param parse_rounds: the rounds for each DAG.
    :param outage_rounds: the rounds for each delay.
    :param delays: the seconds of a round trip.
    :param batch: the targets of a batch.
    :param batch_order: the order of the two sides.
    :param workers: the number of threads.
    :param loop: the targets of the loops, which are extrapolated.
    :param mapped: the number of mapped tasks; 0 for none, without an Airflow.
    :param memory: the targets of each memory measurement.
    """

    import_rounds: int
    parse_tasks: int
    parse_rounds: int
    outage_rounds: int
    batch: int
    batch_order: tuple[str, ...]
    workers: int
    loop: int
    mapped: int
    memory: tuple[int, ...]
    delays: tuple[float, ...] = (0.0, 0.02, FAR)

    @property
    def customers(self) -> int:
        """The number of users in Polytomic; each measurement has its own."""
        return 2 * self.batch + self.loop + self.mapped + 3


FULL = Plan(
    import_rounds=5,
    parse_tasks=1000,
    parse_rounds=5,
    outage_rounds=100,
    batch=1000,
    batch_order=("plain", "ours", "ours", "plain"),
    workers=32,
    loop=50,
    mapped=100,
    memory=(1_000, 10_000, 100_000),
)
QUICK = Plan(
    import_rounds=1,
    parse_tasks=20,
    parse_rounds=2,
    outage_rounds=2,
    batch=20,
    batch_order=("plain", "ours"),
    workers=8,
    loop=2,
    mapped=0,
    memory=(100, 400),
    delays=(0.02,),
)


def measure_all(plan: Plan, step: Callable[[str], Callable[[int, int], None]]) -> dict[str, Any]:
    """Run all measurements, and return the results as JSON types.

    :param step: called with the name of each step; it returns the callback for its progress.
    """
    started = time.monotonic()
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as temporary:
        folder = Path(temporary)
        alone = isolated(os.environ, private_folder(folder / "alone"))
        results["imports"] = measure_imports(plan.import_rounds, alone, step("import of operators"))
        results["presence"] = measure_presence(plan.import_rounds, alone, step("import airflow"))
        parsing = {"rounds": plan.parse_rounds, "tasks": plan.parse_tasks}
        results["parsing"] = run_measurement("parsing", parsing, alone, on_progress=step("parse and serialise"))
        with start_servers(plan.customers) as servers:
            results |= _Served(plan, servers, folder, step).measure()
    results["seconds"] = round(time.monotonic() - started)
    return results


class _Served:
    """The measurements that need servers."""

    def __init__(
        self, plan: Plan, servers: Servers, folder: Path, step: Callable[[str], Callable[[int, int], None]]
    ) -> None:
        self.plan, self.servers, self.folder, self.step = plan, servers, folder, step
        self.env = servers.environment(folder / "served")
        self.distance = Distance(servers.orders)
        self._left = list(servers.targets)

    def measure(self) -> dict[str, Any]:
        """Run these measurements, and return their results."""
        try:
            results = {"vault": self.servers.vault_version, "far": FAR}
            results["requests"] = self._run("trace", "requests per key", target=self._take(1)[0])
            results["outage"] = self._outages()
            results |= self._batches()
            results |= self._mapped_and_memory()
            return results
        finally:
            self.distance.close()

    def _outages(self) -> list[Any]:
        results, targets = [], self._take(2)
        for delay in self.plan.delays:
            self.distance.set(delay)
            name = f"outage at {1000 * delay:.0f} ms"
            given = {"targets": targets, "rounds": self.plan.outage_rounds, "seconds_of_delay": delay}
            results.append(self._run("outage", name, **given))
        return results

    def _batches(self) -> dict[str, Any]:
        count = self.plan.batch
        given = {"ours": self._take(count), "plain": self._take(count), "workers": self.plan.workers}
        self.distance.set(0.0)
        self._run("batch", f"first {count} keys", order=["ours"], **given)
        self.distance.set(FAR)
        batch = self._run("batch", f"batches of {count}", order=self.plan.batch_order, **given)
        loops = self._run("loops", f"loops over {self.plan.loop}", targets=self._take(self.plan.loop))
        return {"batch": batch, "loops": loops}

    def _mapped_and_memory(self) -> dict[str, Any]:
        if not self.plan.mapped:
            return {"memory": self._memory(), "mapped": None}
        self.distance.set(FAR)
        with airflow_of(self.servers, self.folder, self._take(self.plan.mapped)) as airflow:
            # Airflow starts meanwhile, which takes a minute and does not affect the memory of a process.
            memory = self._memory()
            mapped = measure_mapped(airflow, self.plan.mapped, self.step(f"{self.plan.mapped} mapped tasks"))
        return {"memory": memory, "mapped": mapped}

    def _memory(self) -> list[Any]:
        return [
            run_measurement(
                "memory",
                {"targets": count, "workers": self.plan.workers},
                self.env,
                on_progress=self.step(f"memory for {count:,}"),
            )
            for count in self.plan.memory
        ]

    def _run(self, module: str, name: str, **given: Any) -> Any:
        return run_measurement(module, self.servers.facts() | given, self.env, on_progress=self.step(name))

    def _take(self, count: int) -> list[list[str]]:
        taken, self._left = self._left[:count], self._left[count:]
        return taken
