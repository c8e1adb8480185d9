"""Does a real Airflow issue a key, use it, and keep it nowhere but in its secrets backend? `make demo` shows it.

Starts an emulated Polytomic and an Airflow of its own, runs dags_examples/polytomic_issue_api_key.py under a scheduler,
tells what is where, and looks for the keys in everything that Airflow has written. Ends all that it has started.
Arguments go to the emulator, so that a bad day can be shown: ``make demo ARGS="--fault '...'"``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from demo.airflow_environment import isolated, local_secrets, private_folder
from demo.airflow_process import AirflowError, AirflowProcess, RunStates
from demo.leak_scan import LeakScan, summary
from demo.process_group import ProcessGroup, ProcessGroupError
from demo.report import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
HOME = DEMO / "airflow"
SECRETS = DEMO / "secrets"
STORED = SECRETS / "connections.json"
DAG_ID = "polytomic_issue_api_key"
RUN_ID = "demo"
CONN_ID = "acme_polytomic"
DESTINATION = f"airflow://connection/{CONN_ID}"
EMULATOR_SECONDS = 60.0


class DemoError(RuntimeError):
    """The demo did not show what it should."""


def _start_emulator(group: ProcessGroup, arguments: Sequence[str]) -> dict[str, str]:
    """Start the emulated Polytomic and return what it says about itself: ``base_url``, ``partner_key``, two ids."""
    console = private_folder(DEMO / "emulator") / "console.log"
    command = [sys.executable, "-m", "airflow_provider_polytomic.testing", "--port", "0", "--json", *arguments]
    group.start("emulator", command, env=isolated(os.environ, HOME), console=console)
    deadline = time.monotonic() + EMULATOR_SECONDS
    while time.monotonic() < deadline:
        group.check()
        line, complete, _ = console.read_text().partition("\n")
        if complete:
            facts: dict[str, str] = json.loads(line)
            return facts
        time.sleep(0.1)
    raise DemoError(f"the emulator did not come up within {EMULATOR_SECONDS:.0f} s:\n{group.tail('emulator')}")


def _airflow(polytomic: dict[str, str]) -> AirflowProcess:
    """Describe an Airflow that knows this Polytomic as ``polytomic_default`` and has a secrets backend of two files."""
    dags = private_folder(DEMO / "dags")
    shutil.copy(ROOT / "dags_examples" / f"{DAG_ID}.py", dags)
    connection = {"conn_type": "polytomic", "host": polytomic["base_url"], "password": polytomic["partner_key"]}
    env = {"AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(connection), **local_secrets(SECRETS)}
    return AirflowProcess(HOME, dags_folder=dags, env=env)


def _run(screen: Screen, polytomic: dict[str, str]) -> dict[str, Any]:
    """Run the DAG under a real scheduler and return what its two tasks have returned, by task.

    :raises DemoError: with the end of the logs if a task fails.
    """
    airflow = _airflow(polytomic)
    with screen.step("Airflow: making its database and starting it"):
        airflow.__enter__()
    try:
        with screen.step("Airflow: waiting until it is healthy and knows the DAG"):
            airflow.wait_until_ready([DAG_ID])
        screen.say(f"  Triggering {DAG_ID} for a user of Acme, destination {DESTINATION}", "dim")
        conf = {"org_id": polytomic["org_id"], "user_id": polytomic["user_id"], "destination": DESTINATION}
        with screen.step("Airflow: running the DAG"):
            airflow.trigger(DAG_ID, conf, run_id=RUN_ID)
            states = airflow.wait_for_run(DAG_ID, RUN_ID, on_change=screen.changes)
        screen.states(states)
        if states.run != "success":
            raise DemoError(_ends_of_logs(airflow, states))
        return {task: airflow.xcom(DAG_ID, RUN_ID, task) for task in states.tasks}
    finally:
        with screen.step("Airflow: ending it"):
            airflow.__exit__()


def _ends_of_logs(airflow: AirflowProcess, states: RunStates) -> str:
    """Return the ends of the logs of the tasks that did not succeed, or of the scheduler if there are none."""
    bad = [task for task, state in states.tasks.items() if state != "success"]
    logs = [log for task in bad for log in sorted(airflow.logs.rglob(f"task_id={task}/*.log"))[-1:]]
    logs = logs or [airflow.consoles / "scheduler.log"]
    ends = [[f"--- {log}", *map(_readable, log.read_text(errors="replace").splitlines()[-25:])] for log in logs]
    return "\n".join(["the DAG run did not succeed", *(line for end in ends for line in end)])


def _readable(line: str) -> str:
    """Take the essence of a line of a task's log, which is JSON on Airflow 3."""
    try:
        record = json.loads(line)
        errors = [f"{error['exc_type']}: {error['exc_value']}" for error in record.get("error_detail", ())]
        return "\n".join([f"{record['level']}: {record['event']}", *errors])
    except (ValueError, KeyError, TypeError):
        return line


def _stored(screen: Screen, returned: dict[str, Any]) -> str:
    """Show what is stored where and whose key it is; return the key.

    :raises DemoError: if what is stored is not what the task said.
    """
    connection = json.loads(STORED.read_text())[CONN_ID]
    key: str = connection["password"]
    reference, identity = returned["issue_api_key"], returned["who_am_i"]
    fingerprint = hashlib.sha256(key.encode()).hexdigest()[:32]
    if fingerprint != reference["fingerprint"]:
        raise DemoError(f"{STORED} holds another key than the task says it stored")
    screen.facts(
        "What is stored where",
        {
            "destination": reference["destination"],
            "file of the secrets backend": f"{STORED.relative_to(ROOT)} (mode {STORED.stat().st_mode & 0o777:04o})",
            "connection type": connection["conn_type"],
            "host": connection["host"],
            "fingerprint of the key": fingerprint,
            "issued at": reference["issued_at"],
        },
    )
    screen.facts("Who /api/me says the key is (asked by who_am_i)", identity)
    return key


def _scan(screen: Screen, secrets: dict[str, str]) -> None:
    """Look for the keys in all that Airflow has written, and in what this program has shown.

    :raises DemoError: if there is anything, or if the scan does not see the new key where it is.
    """
    scan, control = LeakScan(list(secrets.values())), LeakScan([secrets["the new key"]])
    with screen.step("Looking for the keys"):
        # The emulator plays Polytomic, which knows its keys; the secrets backend's file is where the key belongs.
        scan.folder(DEMO, leave_out=[DEMO / "emulator", STORED])
        control.text(STORED.name, STORED.read_text())
        scan.database(HOME / "airflow.db")
        scan.text("this screen", screen.shown)
    screen.facts(
        "Where the keys are not",
        {
            "looked for": ", ".join(secrets) + "; plain, JSON, URL and base64, any 12 characters of them",
            "looked at": f"{scan.files} files (task logs, consoles, database, records), {scan.size:,} bytes; "
            f"{scan.rows:,} database rows (XCom, rendered fields and all others)",
            "found": "nothing" if not scan.findings else f"{len(scan.findings)} places",
        },
    )
    if not control.findings:
        raise DemoError(f"the scan does not even find the new key in {STORED}")
    if scan.findings:
        raise DemoError("a key is where it must not be:\n" + summary(scan.findings))


def _demo(screen: Screen, arguments: Sequence[str]) -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    private_folder(DEMO)
    with ProcessGroup() as group:
        with screen.step("Polytomic: starting the emulator"):
            polytomic = _start_emulator(group, arguments)
        returned = _run(screen, polytomic)
        key = _stored(screen, returned)
    _scan(screen, {"the new key": key, "the partner key": polytomic["partner_key"]})
    screen.say(f"The new key is in {STORED.relative_to(ROOT)} and nowhere else.", "bold green")


def _ended(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave as on an error, so that everything started is ended."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run the demo and return its exit status."""
    screen = Screen()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ended)
    lock = os.open(ROOT / "demo", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _demo(screen, sys.argv[1:])
    except BlockingIOError:
        screen.say("Another demo is running in this checkout.", "red")
        return 1
    except KeyboardInterrupt:
        screen.say("Stopped; everything that was started has been ended.")
        return 128 + signal.SIGINT
    except (AirflowError, DemoError, ProcessGroupError) as error:
        screen.say(f"The demo failed: {error}", "red")
        screen.say(f"All of its logs are below {DEMO.relative_to(ROOT)}/; everything that was started has been ended.")
        return 1
    finally:
        os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
