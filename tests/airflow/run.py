"""Run of all DAGs in a real Airflow, which is started and stopped."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec

import psutil

from tests.airflow.deployment import EXAMPLES, GLOBEX, OFFBOARDING, ONBOARDING, RESTART, Deployment
from tests.onboarding_state import state_of
from tools.airflow_sandbox.process import AirflowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.airflow_sandbox.process import RunStates

__all__ = [
    "AGAIN",
    "CLEARED",
    "LEAK_CASES",
    "ROTATION",
    "RUN",
    "AirflowRun",
    "Onboarded",
    "run_all_dags",
    "run_all_dags_apart",
]

P = ParamSpec("P")

LEAK_CASES, ROTATION = "leak_cases", "leaks_rotation"
RUN, CLEARED, AGAIN = "run", "cleared", "again"
# Limit of each wait; a busy machine takes ten times as long as an idle one.
SECONDS = 1800.0
MAX_TRIES = 5
RETRIES = "select max(try_number) from task_instance where dag_id = ? and run_id = ?"


@dataclass(frozen=True)
class Onboarded:
    """State of a customer before the offboarding.

    :param state: result of :func:`~tests.onboarding_state.state_of`.
    :param stored: the key at its destination.
    :param live: the keys of its user.
    """

    state: dict[str, Any]
    stored: str | None
    live: list[str]


@dataclass
class AirflowRun:
    """Result of the runs.

    :param states: states of each run, by DAG and run id.
    :param rotated: the user's key after the first forced run, after its clear, and after the second run.
    :param onboarded: the customer of the onboarding example, before the offboarding.
    :param restarts: the runs that an event has triggered, oldest first.
    :param form: the API server's description of the connection types; None on 2.11, which has none.
    :param arguments: command lines of all processes during the run.
    :param left: processes that still exist after the stop.
    """

    deployment: Deployment
    states: dict[tuple[str, str], RunStates] = field(default_factory=dict)
    rotated: list[str] = field(default_factory=list)
    onboarded: Onboarded | None = None
    restarts: list[str] = field(default_factory=list)
    form: Any = None
    arguments: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    def tasks_of(self, dag_id: str = LEAK_CASES, run_id: str = RUN) -> dict[str, str | None]:
        """Return the states of the tasks of a run."""
        return self.states[dag_id, run_id].tasks

    def error_of(self, task_id: str) -> str | None:
        """Return the class of the error that a failed task's callback got; None if there was none."""
        noted = self.deployment.root / "errors" / task_id
        return noted.read_text() if noted.exists() else None

    def log_of(self, task_id: str) -> str:
        """Return the logs of all tries of a task of the leak cases."""
        logs = self.deployment.airflow.logs.glob(f"dag_id={LEAK_CASES}/run_id={RUN}/task_id={task_id}/*.log")
        return "\n".join(log.read_text() for log in sorted(logs))


def run_all_dags(deployment: Deployment) -> AirflowRun:
    """Run every DAG of the deployment under a real scheduler."""
    airflow_run, airflow = AirflowRun(deployment), deployment.airflow
    at_once = [example for example in EXAMPLES if example not in (OFFBOARDING, RESTART)]
    with airflow:
        session = airflow.group.session
        airflow.wait_until_ready([*EXAMPLES, LEAK_CASES, ROTATION], seconds=SECONDS)
        _with_retries(airflow.trigger, LEAK_CASES, run_id=RUN)
        for example in at_once:
            _with_retries(airflow.trigger, example, deployment.conf(example), run_id=RUN)
        _with_retries(airflow.trigger, ROTATION, run_id=CLEARED)
        _wait(airflow_run, [(ROTATION, CLEARED)])
        _note_key(airflow_run)
        _with_retries(_clear, airflow_run)
        _wait(airflow_run, [(ROTATION, CLEARED)], tries=2)
        _note_key(airflow_run)
        _with_retries(airflow.trigger, ROTATION, run_id=AGAIN)
        _wait(airflow_run, [(ONBOARDING, RUN)])
        airflow_run.onboarded = _onboarded(airflow_run)
        _with_retries(airflow.trigger, OFFBOARDING, deployment.conf(OFFBOARDING), run_id=RUN)
        last = [(example, RUN) for example in (*at_once, OFFBOARDING)]
        _wait(airflow_run, [(ROTATION, AGAIN), (LEAK_CASES, RUN), *last])
        _note_key(airflow_run)
        _wait_for_restart(airflow_run)
        if airflow.major > 2:
            airflow_run.form = airflow.api("GET", "/ui/connections/hook_meta")
    airflow_run.left = [_command_line(process) for process in _ours(deployment, session)]
    return airflow_run


def run_all_dags_apart(deployment: Deployment) -> AirflowRun:
    """Run the leak cases with ``airflow dags test``, in one process that prints everything to its console."""
    airflow_run, airflow = AirflowRun(deployment), deployment.airflow
    with contextlib.suppress(AirflowError):  # the run fails on purpose
        airflow.command("dags", "test", LEAK_CASES)
    ((run_id,),) = airflow.query("select run_id from dag_run where dag_id = ?", LEAK_CASES)
    airflow_run.states[LEAK_CASES, RUN] = airflow.states(LEAK_CASES, run_id)
    airflow_run.left = [_command_line(process) for process in _ours(deployment)]
    return airflow_run


def _with_retries(act: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Repeat a request that 3.3's API server could not write to its audit log; it has had no effect.

    The server writes the audit log in its event loop. If a task's request has locked the SQLite database at that time,
    that request needs the loop to continue, and both wait until the database gives up, after a minute.
    """
    for tries in range(MAX_TRIES):
        try:
            act(*args, **kwargs)
        except AirflowError as error:
            if "Database error" not in str(error) or tries == MAX_TRIES - 1:
                raise
        else:
            return


def _clear(airflow_run: AirflowRun) -> None:
    airflow = airflow_run.deployment.airflow
    if airflow.major > 2:
        body = {"dag_run_id": CLEARED, "dry_run": False, "only_failed": False, "reset_dag_runs": True}
        airflow.api("POST", f"/api/v2/dags/{ROTATION}/clearTaskInstances", body)
    else:
        airflow.command("tasks", "clear", ROTATION, "--yes")


def _onboarded(airflow_run: AirflowRun) -> Onboarded:
    deployment, states = airflow_run.deployment, airflow_run.states[ONBOARDING, RUN]
    assert states.run == "success", f"no customer was onboarded: {states}"
    user = deployment.airflow.xcom(ONBOARDING, RUN, "create_user")
    state = state_of(deployment.emulator, GLOBEX["organization"])
    return Onboarded(state, deployment.stored(GLOBEX["destination"]), deployment.emulator.keys_of(user["id"]))


def _wait_for_restart(airflow_run: AirflowRun) -> None:
    """Wait for the run that an event triggers."""
    airflow, deadline = airflow_run.deployment.airflow, time.monotonic() + SECONDS
    while time.monotonic() < deadline and not airflow_run.restarts:
        airflow.group.check()
        found = airflow.query("select run_id from dag_run where dag_id = ? order by id", RESTART)
        airflow_run.restarts = [run_id for (run_id,) in found]
        time.sleep(0.5)
    assert airflow_run.restarts, f"no event has started {RESTART} within {SECONDS:.0f} s"
    _wait(airflow_run, [(RESTART, run_id) for run_id in airflow_run.restarts])


def _note_key(airflow_run: AirflowRun) -> None:
    airflow_run.rotated.append(airflow_run.deployment.emulator.live_key(airflow_run.deployment.users["rotation"].id))


def _wait(airflow_run: AirflowRun, runs: list[tuple[str, str]], *, tries: int = 1) -> None:
    """Wait until all these runs have ended, with at least this number of tries."""
    airflow, deadline = airflow_run.deployment.airflow, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        airflow.group.check()
        airflow_run.arguments |= {
            _command_line(process) for process in _ours(airflow_run.deployment, airflow.group.session)
        }
        airflow_run.states |= {run: airflow.states(*run) for run in runs}
        if all(airflow_run.states[run].finished and airflow.query(RETRIES, *run)[0][0] >= tries for run in runs):
            return
        time.sleep(0.5)
    raise AssertionError(f"not ended after {SECONDS:.0f} s: { {run: airflow_run.states[run] for run in runs} }")


def _ours(deployment: Deployment, session: int | None = None) -> list[psutil.Process]:
    """Return the processes with the deployment's AIRFLOW_HOME or in its session.

    Both are needed: a task may leave its session, and 2.11's processes overwrite their environment with their title.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            here = os.getsid(process.pid) == session or process.environ().get("AIRFLOW_HOME") == str(
                deployment.airflow.home
            )
            if here and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
