"""What becomes of the DAGs in a real Airflow? It is started, runs them all at once, and is ended."""

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
    "RENEWAL",
    "RUN",
    "AirflowRun",
    "Onboarded",
    "run_all_dags",
    "run_all_dags_apart",
]

P = ParamSpec("P")

LEAK_CASES, RENEWAL = "leak_cases", "leaks_renewal"
RUN, CLEARED, AGAIN = "run", "cleared", "again"
# For each wait, so that what never comes ends the test; a busy machine takes ten times as long as an idle one.
SECONDS = 1800.0
MAX_ASKED = 5
RETRIES = "select max(try_number) from task_instance where dag_id = ? and run_id = ?"


@dataclass(frozen=True)
class Onboarded:
    """What there was of a customer before it was taken away again.

    :param state: as :func:`~tests.onboarding_state.state_of` tells it.
    :param stored: the key at its destination.
    :param live: the keys of its user.
    """

    state: dict[str, Any]
    stored: str | None
    live: list[str]


@dataclass
class AirflowRun:
    """What came of it.

    :param states: of each run, by DAG and run id.
    :param renewed: the user's key after the first forced run, after that was cleared, and after the second run.
    :param onboarded: the customer of the onboarding example, before the offboarding.
    :param restarts: the runs that an event has started, the oldest first.
    :param form: what the API server says about the connection types; None on 2.11, which has none.
    :param arguments: the command lines of all processes that were seen meanwhile.
    :param left: the processes that were still there when all was ended.
    """

    stage: Deployment
    states: dict[tuple[str, str], RunStates] = field(default_factory=dict)
    renewed: list[str] = field(default_factory=list)
    onboarded: Onboarded | None = None
    restarts: list[str] = field(default_factory=list)
    form: Any = None
    arguments: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    def tasks_of(self, dag_id: str = LEAK_CASES, run_id: str = RUN) -> dict[str, str | None]:
        """Return the states of the tasks of a run."""
        return self.states[dag_id, run_id].tasks

    def error_of(self, task_id: str) -> str | None:
        """Return the class of the error that a failed task's callback was told; None if it was told none."""
        noted = self.stage.root / "errors" / task_id
        return noted.read_text() if noted.exists() else None

    def log_of(self, task_id: str) -> str:
        """Return the logs of all tries of a task of the leak cases."""
        logs = self.stage.airflow.logs.glob(f"dag_id={LEAK_CASES}/run_id={RUN}/task_id={task_id}/*.log")
        return "\n".join(log.read_text() for log in sorted(logs))


def run_all_dags(stage: Deployment) -> AirflowRun:
    """Run every DAG of the stage under a real scheduler."""
    flight, airflow = AirflowRun(stage), stage.airflow
    at_once = [example for example in EXAMPLES if example not in (OFFBOARDING, RESTART)]
    with airflow:
        session = airflow.group.session
        airflow.wait_until_ready([*EXAMPLES, LEAK_CASES, RENEWAL], seconds=SECONDS)
        _patiently(airflow.trigger, LEAK_CASES, run_id=RUN)
        for example in at_once:
            _patiently(airflow.trigger, example, stage.conf(example), run_id=RUN)
        _patiently(airflow.trigger, RENEWAL, run_id=CLEARED)
        _wait(flight, [(RENEWAL, CLEARED)])
        _note_key(flight)
        _patiently(_clear, flight)
        _wait(flight, [(RENEWAL, CLEARED)], tries=2)
        _note_key(flight)
        _patiently(airflow.trigger, RENEWAL, run_id=AGAIN)
        _wait(flight, [(ONBOARDING, RUN)])
        flight.onboarded = _onboarded(flight)
        _patiently(airflow.trigger, OFFBOARDING, stage.conf(OFFBOARDING), run_id=RUN)
        last = [(example, RUN) for example in (*at_once, OFFBOARDING)]
        _wait(flight, [(RENEWAL, AGAIN), (LEAK_CASES, RUN), *last])
        _note_key(flight)
        _wait_for_restart(flight)
        if airflow.major > 2:
            flight.form = airflow.api("GET", "/ui/connections/hook_meta")
    flight.left = [_command_line(process) for process in _ours(stage, session)]
    return flight


def run_all_dags_apart(stage: Deployment) -> AirflowRun:
    """Run the leak cases with ``airflow dags test``: in one process, which prints everything to its console."""
    flight, airflow = AirflowRun(stage), stage.airflow
    with contextlib.suppress(AirflowError):  # since the run fails, as it is meant to
        airflow.command("dags", "test", LEAK_CASES)
    ((run_id,),) = airflow.query("select run_id from dag_run where dag_id = ?", LEAK_CASES)
    flight.states[LEAK_CASES, RUN] = airflow.states(LEAK_CASES, run_id)
    flight.left = [_command_line(process) for process in _ours(stage)]
    return flight


def _patiently(act: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Ask again where 3.3's API server could not note the request in its database: nothing was done then.

    It writes its audit log in its event loop. If a task's request has locked the SQLite database just then, that
    request needs the loop to go on, and both wait until the database gives up, after a minute.
    """
    for tries in range(MAX_ASKED):
        try:
            act(*args, **kwargs)
        except AirflowError as error:
            if "Database error" not in str(error) or tries == MAX_ASKED - 1:
                raise
        else:
            return


def _clear(flight: AirflowRun) -> None:
    airflow = flight.stage.airflow
    if airflow.major > 2:
        body = {"dag_run_id": CLEARED, "dry_run": False, "only_failed": False, "reset_dag_runs": True}
        airflow.api("POST", f"/api/v2/dags/{RENEWAL}/clearTaskInstances", body)
    else:
        airflow.command("tasks", "clear", RENEWAL, "--yes")


def _onboarded(flight: AirflowRun) -> Onboarded:
    stage, states = flight.stage, flight.states[ONBOARDING, RUN]
    assert states.run == "success", f"there is nobody to be taken away again: {states}"
    user = stage.airflow.xcom(ONBOARDING, RUN, "create_user")
    state = state_of(stage.emulator, GLOBEX["organization"])
    return Onboarded(state, stage.stored(GLOBEX["destination"]), stage.emulator.keys_of(user["id"]))


def _wait_for_restart(flight: AirflowRun) -> None:
    """Wait for what no test has triggered: an event has to."""
    airflow, deadline = flight.stage.airflow, time.monotonic() + SECONDS
    while time.monotonic() < deadline and not flight.restarts:
        airflow.group.check()
        found = airflow.query("select run_id from dag_run where dag_id = ? order by id", RESTART)
        flight.restarts = [run_id for (run_id,) in found]
        time.sleep(0.5)
    assert flight.restarts, f"no event has started {RESTART} within {SECONDS:.0f} s"
    _wait(flight, [(RESTART, run_id) for run_id in flight.restarts])


def _note_key(flight: AirflowRun) -> None:
    flight.renewed.append(flight.stage.emulator.live_key(flight.stage.users["renewal"].id))


def _wait(flight: AirflowRun, runs: list[tuple[str, str]], *, tries: int = 1) -> None:
    """Wait until all these runs have ended, the task of each after so many tries."""
    airflow, deadline = flight.stage.airflow, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        airflow.group.check()
        flight.arguments |= {_command_line(process) for process in _ours(flight.stage, airflow.group.session)}
        flight.states |= {run: airflow.states(*run) for run in runs}
        if all(flight.states[run].finished and airflow.query(RETRIES, *run)[0][0] >= tries for run in runs):
            return
        time.sleep(0.5)
    raise AssertionError(f"not ended after {SECONDS:.0f} s: { {run: flight.states[run] for run in runs} }")


def _ours(stage: Deployment, session: int | None = None) -> list[psutil.Process]:
    """List the processes whose AIRFLOW_HOME is that of the stage, or that are in the session.

    Neither alone would do: a task may leave its session, and 2.11's processes write their title over their environment.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            here = os.getsid(process.pid) == session or process.environ().get("AIRFLOW_HOME") == str(stage.airflow.home)
            if here and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
