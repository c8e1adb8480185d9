"""The measurements, how often each one is repeated, and their order: one after the other."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.child import measured
from benchmarks.environment import Distance, scene
from benchmarks.imports import measure_imports, measure_presence
from benchmarks.machine import machine
from benchmarks.mapped import airflow_of, measure_mapped
from tools.airflow_sandbox.environment import isolated, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.environment import Scene

__all__ = ["FULL", "QUICK", "Plan", "measure_all"]

FAR = 0.05  # seconds of a round trip


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    :param import_rounds: fresh processes.
    :param parse_tasks: of each DAG.
    :param parse_rounds: of each DAG.
    :param outage_rounds: at each distance.
    :param delays: seconds of a round trip.
    :param fleet: targets.
    :param fleet_order: whose turn it is.
    :param workers: threads.
    :param loop: targets of the user's loops, which are extrapolated.
    :param mapped: mapped tasks; 0: none, and no Airflow is started.
    :param memory: targets.
    """

    import_rounds: int
    parse_tasks: int
    parse_rounds: int
    outage_rounds: int
    fleet: int
    fleet_order: tuple[str, ...]
    workers: int
    loop: int
    mapped: int
    memory: tuple[int, ...]
    delays: tuple[float, ...] = (0.0, 0.02, FAR)

    @property
    def customers(self) -> int:
        """How many users the Polytomic needs: each measurement has some of its own."""
        return 2 * self.fleet + self.loop + self.mapped + 3


FULL = Plan(
    import_rounds=5,
    parse_tasks=1000,
    parse_rounds=5,
    outage_rounds=100,
    fleet=1000,
    fleet_order=("plain", "ours", "ours", "plain"),
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
    fleet=20,
    fleet_order=("plain", "ours"),
    workers=8,
    loop=2,
    mapped=0,
    memory=(100, 400),
    delays=(0.02,),
)


def measure_all(plan: Plan, step: Callable[[str], Callable[[int, int], None]]) -> dict[str, Any]:
    """Measure all of it, and return the results as JSON types.

    :param step: told the name of each step; it returns what is to be told of its progress.
    """
    began = time.monotonic()
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as temporary:
        folder = Path(temporary)
        alone = isolated(os.environ, private_folder(folder / "alone"))
        found["imports"] = measure_imports(plan.import_rounds, alone, step("import of operators"))
        found["presence"] = measure_presence(plan.import_rounds, alone, step("import airflow"))
        parsing = {"rounds": plan.parse_rounds, "tasks": plan.parse_tasks}
        found["parsing"] = measured("parsing", parsing, alone, tell=step("parse and serialise"))
        with scene(plan.customers) as servers:
            found |= _Served(plan, servers, folder, step).measure()
    found["seconds"] = round(time.monotonic() - began)
    return found


class _Served:
    """What is measured against servers."""

    def __init__(
        self, plan: Plan, servers: Scene, folder: Path, step: Callable[[str], Callable[[int, int], None]]
    ) -> None:
        self.plan, self.servers, self.folder, self.step = plan, servers, folder, step
        self.env = servers.environment(folder / "served")
        self.distance = Distance(servers.orders)
        self._left = list(servers.targets)

    def measure(self) -> dict[str, Any]:
        """Measure all of it."""
        try:
            found = {"vault": self.servers.vault_version, "far": FAR}
            found["requests"] = self._run("trace", "requests per key", target=self._take(1)[0])
            found["outage"] = self._outages()
            found |= self._fleets()
            found |= self._mapped_and_memory()
            return found
        finally:
            self.distance.close()

    def _outages(self) -> list[Any]:
        found, targets = [], self._take(2)
        for delay in self.plan.delays:
            self.distance.set(delay)
            name = f"outage at {1000 * delay:.0f} ms"
            given = {"targets": targets, "rounds": self.plan.outage_rounds, "seconds_of_delay": delay}
            found.append(self._run("outage", name, **given))
        return found

    def _fleets(self) -> dict[str, Any]:
        count = self.plan.fleet
        given = {"ours": self._take(count), "plain": self._take(count), "workers": self.plan.workers}
        self.distance.set(0.0)
        self._run("fleet", f"first {count} keys", order=["ours"], **given)
        self.distance.set(FAR)
        fleet = self._run("fleet", f"fleets of {count}", order=self.plan.fleet_order, **given)
        loops = self._run("loops", f"loops over {self.plan.loop}", targets=self._take(self.plan.loop))
        return {"fleet": fleet, "loops": loops}

    def _mapped_and_memory(self) -> dict[str, Any]:
        if not self.plan.mapped:
            return {"memory": self._memory(), "mapped": None}
        self.distance.set(FAR)
        with airflow_of(self.servers, self.folder, self._take(self.plan.mapped)) as airflow:
            # While Airflow starts, which takes a minute; what a process needs of memory does not depend on that.
            memory = self._memory()
            mapped = measure_mapped(airflow, self.plan.mapped, self.step(f"{self.plan.mapped} mapped tasks"))
        return {"memory": memory, "mapped": mapped}

    def _memory(self) -> list[Any]:
        return [
            measured(
                "memory",
                {"targets": count, "workers": self.plan.workers},
                self.env,
                tell=self.step(f"memory for {count:,}"),
            )
            for count in self.plan.memory
        ]

    def _run(self, module: str, name: str, **given: Any) -> Any:
        return measured(module, self.servers.facts() | given, self.env, tell=self.step(name))

    def _take(self, count: int) -> list[list[str]]:
        taken, self._left = self._left[:count], self._left[count:]
        return taken
