"""Run a real Airflow: start its components, trigger and watch DAGs, and stop everything.

The module runs the Airflow of its own environment: 3.x (scheduler, API server, DAG processor) or 2.11 (scheduler).
It reads states and results from the SQLite database, which needs no server and is the same in both.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

import requests

from tools.airflow_sandbox.environment import free_port, isolated, private_folder, serving
from tools.airflow_sandbox.process_group import ProcessGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

__all__ = ["AirflowError", "AirflowProcess", "RunStates"]

POLL_SECONDS = 0.5
# Measured on 3.3.2 with two busy cores: healthy after 70 s.
READY_SECONDS = 240.0
RUN_SECONDS = 300.0

TASK_STATES = """
    select task_id, map_index, state from task_instance where dag_id = ? and run_id = ?
    order by start_date is null, start_date
"""
RETURN_VALUE = """
    select value from xcom where key = 'return_value' and dag_id = ? and run_id = ? and task_id = ? and map_index = ?
"""


class AirflowError(RuntimeError):
    """Error of Airflow: it is not healthy, cannot import a DAG, or has not finished a run in time."""


@dataclass(frozen=True)
class RunStates:
    """The states of a DAG run and of its task instances.

    :param run: ``queued``, ``running``, ``success`` or ``failed``.
    :param tasks: the states by task id, a mapped task with its index (``issue[3]``), in the order of their start; None
        if the task is not scheduled yet.
    """

    run: str
    tasks: dict[str, str | None]

    @property
    def finished(self) -> bool:
        """Whether the run has finished."""
        return self.run in ("success", "failed")


class AirflowProcess:
    """A separate Airflow with its own home, database, ports and processes.

    Use it as a context manager, which migrates the database and starts the components; then call
    :meth:`wait_until_ready`.

    :param home: the folder for everything that Airflow writes; it is created with mode 0700.
    :param dags_folder: the folder of its DAGs.
    :param log_level: the log level of Airflow.
    :param env: further variables, which win over all others: connections, the secrets backend, settings.
    """

    def __init__(
        self, home: Path, *, dags_folder: Path, log_level: str = "INFO", env: Mapping[str, str] | None = None
    ) -> None:
        self.home = private_folder(home)
        self.consoles = private_folder(home / "consoles")
        self.database = self.home / "airflow.db"
        self.logs = self.home / "logs"
        self.major = int(version("apache-airflow").split(".")[0])
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self.env = serving(isolated(os.environ, self.home), dags_folder, port, log_level) | dict(env or {})
        self.group = ProcessGroup()
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> Self:
        """Create the database, unless it exists, and start the components."""
        if not self.database.exists():
            self.command("db", "migrate")
        components = {"scheduler": ["scheduler", "--skip-serve-logs"]}
        if self.major > 2:  # noqa: PLR2004 - in Airflow 3 they are components of their own
            components |= {"api-server": ["api-server"], "dag-processor": ["dag-processor"]}
        with contextlib.ExitStack() as on_error:
            on_error.enter_context(self.group)
            for name, arguments in components.items():
                command = [sys.executable, "-m", "airflow", *arguments]
                self.group.start(name, command, env=self.env, console=self.consoles / f"{name}.log")
            on_error.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all components."""
        self.group.stop()
        self._http.close()

    def command(self, *arguments: str) -> str:
        """Run an ``airflow`` command and return its output, which the consoles folder keeps as well.

        :raises AirflowError: if it fails, with the end of its output.
        """
        args = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(args, env=self.env, cwd=self.home, capture_output=True, text=True, check=False)
        with (self.consoles / "commands.log").open("a") as console:
            console.write(done.stdout + done.stderr)
        if done.returncode:
            output = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise AirflowError(f"airflow {' '.join(arguments[:2])} failed ({done.returncode}):\n{output}")
        return done.stdout

    def wait_until_ready(
        self, dag_ids: Collection[str], *, seconds: float = READY_SECONDS, on_wait: Callable[[str], None] | None = None
    ) -> None:
        """Wait until the components are healthy and have the DAGs. On 3.3.2, tasks that start earlier time out.

        :param on_wait: called at every poll with what is missing.
        :raises AirflowError: after the seconds, or if a DAG file cannot be imported (with its traceback).
        """
        for _ in self._until(seconds, "become ready"):
            missing = self._not_ready(dag_ids)
            if not missing:
                return
            if on_wait:
                on_wait(missing)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, *, run_id: str) -> None:
        """Start a DAG run: through the REST API on 3.x, by the command line (some seconds) on 2.11.

        :param conf: the parameters of the run.
        :raises AirflowError: if Airflow rejects it.
        """
        if self.major == 2:  # noqa: PLR2004 - Airflow's major version
            self.command("dags", "trigger", dag_id, "--run-id", run_id, "--conf", json.dumps(conf or {}))
            return
        body = {"dag_run_id": run_id, "conf": dict(conf or {}), "logical_date": None}
        self.api("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the REST API of Airflow 3 as its admin and return the decoded response.

        :raises AirflowError: for any response except a success, with its text.
        """
        token = self._call("GET", "/auth/token", None, {})["access_token"]
        return self._call(method, path, body, {"Authorization": f"Bearer {token}"})

    def states(self, dag_id: str, run_id: str) -> RunStates:
        """Return the states of a run and its tasks."""
        run = self.query("select state from dag_run where dag_id = ? and run_id = ?", dag_id, run_id)
        rows = self.query(TASK_STATES, dag_id, run_id)
        tasks = {task if index < 0 else f"{task}[{index}]": state for task, index, state in rows}
        return RunStates(run[0][0] if run else "queued", tasks)

    def wait_for_run(
        self,
        dag_id: str,
        run_id: str,
        *,
        seconds: float = RUN_SECONDS,
        on_change: Callable[[RunStates], None] | None = None,
    ) -> RunStates:
        """Wait until a run has succeeded or failed, and return its states.

        :param on_change: called at each change of the states.
        :raises AirflowError: if the run does not finish in time.
        """
        seen = None
        for _ in self._until(seconds, f"finish the run {run_id} of {dag_id}"):
            states = self.states(dag_id, run_id)
            if states != seen and on_change:
                on_change(states)
            seen = states
            if states.finished:
                return states
        raise AssertionError("unreachable: _until never ends by itself")

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """Return the result of a task, or None if it has none."""
        rows = self.query(RETURN_VALUE, dag_id, run_id, task_id, map_index)
        value = rows[0][0] if rows else None
        # SQLite returns numbers as numbers; all other values are JSON, on 2.11 as bytes.
        return json.loads(value) if isinstance(value, str | bytes) else value

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Read from the metadata database, in read-only mode."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(statement, parameters).fetchall()

    def _call(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        response = self._http.request(method, self.base_url + path, json=body, headers=headers, timeout=(10, 180))
        if not response.ok:
            raise AirflowError(f"{method} {path}: {response.status_code} {response.text[:2000]}")
        return response.json()

    def _not_ready(self, dag_ids: Collection[str]) -> str | None:
        """Return what is missing, or None."""
        broken = self.query("select filename, stacktrace from import_error")
        if broken:
            raise AirflowError("\n".join(f"{file} cannot be imported:\n{trace}" for file, trace in broken))
        if not self.query("select 1 from job where job_type = 'SchedulerJob' and state = 'running'"):
            return "the scheduler"
        if self.major > 2 and not self._api_is_healthy():  # noqa: PLR2004 - Airflow's major version
            return "the API server"
        known = {row[0] for row in self.query("select dag_id from serialized_dag")}
        return ", ".join(sorted(set(dag_ids) - known)) or None

    def _api_is_healthy(self) -> bool:
        try:
            health = self._http.get(f"{self.base_url}/api/v2/monitor/health", timeout=(10, 60))
        except requests.RequestException:
            return False
        return health.ok and health.json()["scheduler"]["status"] == "healthy"

    def _until(self, seconds: float, what: str) -> Iterator[None]:
        """Yield at every poll, while all components run and time is left."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.group.check()
            yield None
            time.sleep(POLL_SECONDS)
        tails = "\n".join(f"--- {console}\n{console.read_text()[-1500:]}" for console in self.consoles.glob("*.log"))
        raise AirflowError(f"Airflow did not {what} within {seconds:.0f} s.\n{tails}")
