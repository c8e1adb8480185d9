"""Run of rotations whose Airflow is killed: all are paused in the window, and then processes are killed."""

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
# Limit of each wait: whole runs took 330 s under a load of 37 on two cores.
SECONDS = 900.0


@dataclass
class AirflowRun:
    """Result of the run.

    :param states: states of the run at its end.
    :param continued: the cases whose first process still existed when the next try requested the key (``beside``) or
        had succeeded (``late``), and those whose first process succeeded without a scheduler (``alone``).
    :param tries: number of tries of each task.
    :param killed: number of killed processes of each kind.
    :param left: processes that still exist after the stop.
    """

    deployment: Deployment
    states: RunStates | None = None
    continued: set[str] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)
    killed: dict[str, int] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)

    def of(self, *killed: str) -> list[Customer]:
        """Return the customers in whose rotation one of these processes is killed."""
        return [customer for customer in self.deployment.customers.values() if customer.case.killed in killed]


def run_all_dags(deployment: Deployment) -> AirflowRun:
    """Run the DAG under a real scheduler, and kill processes."""
    airflow_run, airflow = AirflowRun(deployment), deployment.airflow
    with airflow:
        airflow.wait_until_ready([DAG_ID], seconds=SECONDS)
        airflow.trigger(DAG_ID, run_id=RUN)
        for customer in deployment.customers.values():
            _until(airflow_run, partial(_waits, customer), f"catch {customer.case.name}")
        _lose_tasks_and_workers(airflow_run)
        _lose_the_scheduler(airflow_run)
        airflow_run.states = airflow.wait_for_run(DAG_ID, RUN, seconds=SECONDS)
        airflow_run.tries = dict(airflow.query("select task_id, try_number from task_instance"))
    processes = {process for askers in deployment.emulator.askers.values() for process in askers}
    airflow_run.left = [process.pid for process in processes if _lives(process)] + airflow.group.survivors()
    return airflow_run


def _lose_tasks_and_workers(airflow_run: AirflowRun) -> None:
    """Kill tasks and workers, release the orphans during the retries, and wait until all have succeeded."""
    for customer in airflow_run.of("task"):
        _kill(airflow_run, "task", [_caught(customer)])
    for customer in airflow_run.of("worker"):
        _kill(airflow_run, "worker", _workers(airflow_run, _caught(customer)))
    for customer in airflow_run.of("worker"):
        _release_at_the_next_try(airflow_run, customer)
    for customer in airflow_run.of("worker"):
        _until_gone(airflow_run, _caught(customer))
    for customer in airflow_run.of("task", "worker"):
        _until_success(airflow_run, customer.case.name)


def _lose_the_scheduler(airflow_run: AirflowRun) -> None:
    """Kill the scheduler, release the processes that end alone, start another scheduler, and release the others."""
    everything = [
        (_workers(airflow_run, _caught(customer)), _caught(customer)) for customer in airflow_run.of("everything")
    ]
    (scheduler,) = {
        _scheduler(airflow_run, _caught(customer)) for customer in airflow_run.of("scheduler", "everything")
    }
    _kill(airflow_run, "scheduler", [scheduler])
    for workers, task in everything:
        _kill(airflow_run, "worker", workers)
        _kill(airflow_run, "task", [task])
    for customer in airflow_run.of("scheduler"):
        if customer.case.continues == "alone":
            customer.held.release()
            _until_gone(airflow_run, _caught(customer), components=False)
            airflow_run.continued.add(customer.case.name)
    airflow_run.deployment.start_scheduler_again()
    for customer in airflow_run.of("scheduler"):
        _release_at_the_next_try(airflow_run, customer)


def _release_at_the_next_try(airflow_run: AirflowRun, customer: Customer) -> None:
    case, held = customer.case, customer.held
    if case.continues == "late":
        _until_success(airflow_run, case.name)
    elif case.continues == "beside":
        askers = airflow_run.deployment.emulator.askers[customer.issued_for.id]
        _until(airflow_run, lambda: len(set(askers)) > 1, f"try {case.name} again")
    if held.waits:
        airflow_run.continued.add(case.name)
    held.release()


def _waits(customer: Customer) -> bool:
    return customer.held.waits


def _caught(customer: Customer) -> psutil.Process:
    process = customer.held.process
    assert process is not None, f"{customer.case.name} was not caught"
    return process


def _workers(airflow_run: AirflowRun, task: psutil.Process) -> list[psutil.Process]:
    """Return the processes between the scheduler and a task, from the top, so that none sees another one end."""
    session = airflow_run.deployment.airflow.group.session
    return list(takewhile(lambda process: process.ppid() != session, task.parents()))[::-1]


def _scheduler(airflow_run: AirflowRun, task: psutil.Process) -> psutil.Process:
    session = airflow_run.deployment.airflow.group.session
    return next(process for process in task.parents() if process.ppid() == session)


def _kill(airflow_run: AirflowRun, kind: str, processes: Iterable[psutil.Process]) -> None:
    """Kill the processes by SIGKILL, and count them."""
    for process in processes:
        process.kill()
    airflow_run.killed[kind] = airflow_run.killed.get(kind, 0) + 1


def _until_success(airflow_run: AirflowRun, task_id: str) -> None:
    airflow = airflow_run.deployment.airflow
    _until(airflow_run, lambda: airflow.states(DAG_ID, RUN).tasks.get(task_id) == "success", f"end {task_id} well")


def _until_gone(airflow_run: AirflowRun, process: psutil.Process, *, components: bool = True) -> None:
    _until(airflow_run, lambda: not _lives(process), f"see the end of {process}", components=components)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(airflow_run: AirflowRun, done: Callable[[], bool], what: str, *, components: bool = True) -> None:
    """Wait until a condition holds.

    :param components: whether all components of Airflow must be running.
    :raises AirflowError: after the time limit.
    """
    deadline = time.monotonic() + SECONDS
    while not done():
        if components:
            airflow_run.deployment.airflow.group.check()
        if time.monotonic() > deadline:
            states = airflow_run.deployment.airflow.states(DAG_ID, RUN)
            raise AirflowError(f"could not {what} within {SECONDS:.0f} s: {states}")
        time.sleep(0.1)
