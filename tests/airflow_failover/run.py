"""What becomes of rotations whose Airflow dies around them? All are caught in the window; then it dies."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

import psutil

from tests.airflow_failover.deployment import DAG_ID
from tools.airflow_sandbox.process import AirflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.airflow_failover.deployment import Customer, Deployment
    from tools.airflow_sandbox.process import RunStates

__all__ = ["RUN", "AirflowRun", "run_all_dags"]

RUN = "run"
# For each wait, so that what never comes ends the test: whole flights took 330 s under a load of 37 on two cores.
SECONDS = 900.0


@dataclass
class AirflowRun:
    """What came of it.

    :param states: of the run, at its end.
    :param went_on: the cases whose first process lived on when the next try asked for the key (``beside``), or had
        ended well (``late``), and those whose first process ended well while there was no scheduler (``alone``).
    :param tries: of each task.
    :param killed: how many processes of each kind.
    :param left: the processes that were still there when all was ended.
    """

    stage: Deployment
    states: RunStates | None = None
    went_on: set[str] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)
    killed: dict[str, int] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)

    def of(self, *killed: str) -> list[Customer]:
        """Return the customers in whose rotation one of these is killed."""
        return [customer for customer in self.stage.customers.values() if customer.case.killed in killed]


def run_all_dags(stage: Deployment) -> AirflowRun:
    """Run the DAG under a real scheduler, and kill."""
    flight, airflow = AirflowRun(stage), stage.airflow
    with airflow:
        airflow.wait_until_ready([DAG_ID], seconds=SECONDS)
        airflow.trigger(DAG_ID, run_id=RUN)
        for customer in stage.customers.values():
            _until(flight, partial(_waits, customer), f"catch {customer.case.name}")
        _lose_tasks_and_workers(flight)
        _lose_the_scheduler(flight)
        flight.states = airflow.wait_for_run(DAG_ID, RUN, seconds=SECONDS)
        flight.tries = dict(airflow.query("select task_id, try_number from task_instance"))
    processes = {process for askers in stage.emulator.askers.values() for process in askers}
    flight.left = [process.pid for process in processes if _lives(process)] + airflow.group.survivors()
    return flight


def _lose_tasks_and_workers(flight: AirflowRun) -> None:
    """Kill, and wait until Airflow has done it all again, with the orphans let go in between."""
    for customer in flight.of("task"):
        _kill(flight, "task", [_caught(customer)])
    for customer in flight.of("worker"):
        _kill(flight, "worker", _workers(flight, _caught(customer)))
    for customer in flight.of("worker"):
        _let_go_when_it_is_tried_again(flight, customer)
    for customer in flight.of("worker"):
        _until_gone(flight, _caught(customer))
    for customer in flight.of("task", "worker"):
        _until_success(flight, customer.case.name)


def _lose_the_scheduler(flight: AirflowRun) -> None:
    """Kill, let those who shall end alone do so, start another scheduler, and let the others go when it tries again."""
    everything = [(_workers(flight, _caught(customer)), _caught(customer)) for customer in flight.of("everything")]
    (scheduler,) = {_scheduler(flight, _caught(customer)) for customer in flight.of("scheduler", "everything")}
    _kill(flight, "scheduler", [scheduler])
    for workers, task in everything:
        _kill(flight, "worker", workers)
        _kill(flight, "task", [task])
    for customer in flight.of("scheduler"):
        if customer.case.goes_on == "alone":
            customer.held.release()
            _until_gone(flight, _caught(customer), components=False)
            flight.went_on.add(customer.case.name)
    flight.stage.start_scheduler_again()
    for customer in flight.of("scheduler"):
        _let_go_when_it_is_tried_again(flight, customer)


def _let_go_when_it_is_tried_again(flight: AirflowRun, customer: Customer) -> None:
    case, held = customer.case, customer.held
    if case.goes_on == "late":
        _until_success(flight, case.name)
    elif case.goes_on == "beside":
        askers = flight.stage.emulator.askers[customer.issued_for.id]
        _until(flight, lambda: len(set(askers)) > 1, f"try {case.name} again")
    if held.waits:
        flight.went_on.add(case.name)
    held.release()


def _waits(customer: Customer) -> bool:
    return customer.held.waits


def _caught(customer: Customer) -> psutil.Process:
    process = customer.held.process
    assert process is not None, f"{customer.case.name} was not caught"
    return process


def _workers(flight: AirflowRun, task: psutil.Process) -> list[psutil.Process]:
    """List who is between the scheduler and the process of a task, from above: nobody shall see another one's end."""
    session = flight.stage.airflow.group.session
    return list(takewhile(lambda process: process.ppid() != session, task.parents()))[::-1]


def _scheduler(flight: AirflowRun, task: psutil.Process) -> psutil.Process:
    session = flight.stage.airflow.group.session
    return next(process for process in task.parents() if process.ppid() == session)


def _kill(flight: AirflowRun, kind: str, processes: Iterable[psutil.Process]) -> None:
    """Kill by SIGKILL, and note it."""
    for process in processes:
        process.kill()
    flight.killed[kind] = flight.killed.get(kind, 0) + 1


def _until_success(flight: AirflowRun, task_id: str) -> None:
    airflow = flight.stage.airflow
    _until(flight, lambda: airflow.states(DAG_ID, RUN).tasks.get(task_id) == "success", f"end {task_id} well")


def _until_gone(flight: AirflowRun, process: psutil.Process, *, components: bool = True) -> None:
    _until(flight, lambda: not _lives(process), f"see the end of {process}", components=components)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(flight: AirflowRun, done: Callable[[], bool], what: str, *, components: bool = True) -> None:
    """Wait.

    :param components: whether all components of Airflow live meanwhile.
    :raises AirflowError: if it takes much too long.
    """
    deadline = time.monotonic() + SECONDS
    while not done():
        if components:
            flight.stage.airflow.group.check()
        if time.monotonic() > deadline:
            states = flight.stage.airflow.states(DAG_ID, RUN)
            raise AirflowError(f"could not {what} within {SECONDS:.0f} s: {states}")
        time.sleep(0.1)
