"""Onboard a customer on a real Airflow, and show that the key is in the secrets backend and nowhere else.

The demo starts an emulated Polytomic and an Airflow, runs dags_examples/polytomic_onboarding.py under a scheduler,
shows what is stored, and searches everything that Airflow has written for the keys. It stops all that it has started.
The emulator gets the arguments, so you can inject faults: ``make demo ARGS="--fault '...'"``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from demo.polytomic import EmulatorError, rows_of, start_emulator, state_of, users_of
from demo.report import Screen
from tools.airflow_sandbox.environment import local_secrets, private_folder
from tools.airflow_sandbox.leak_scan import LeakScan, summary
from tools.airflow_sandbox.process import AirflowError, AirflowProcess, RunStates
from tools.airflow_sandbox.process_group import ProcessGroup, ProcessGroupError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
HOME = DEMO / "airflow"
SECRETS = DEMO / "secrets"
STORED = SECRETS / "connections.json"
DAG_ID = "polytomic_onboarding"
RUN_ID = "demo"
CONN_ID = "globex_polytomic"
# Not the customer that the emulator starts with.
CUSTOMER = {
    "organization": "Globex",
    "email": "scorpio@globex.example",
    "role": "Sync Editor",
    "destination": f"airflow://connection/{CONN_ID}",
}


class DemoError(RuntimeError):
    """Error of the demo: a result is not as expected."""


def _airflow(polytomic: dict[str, str]) -> AirflowProcess:
    """Return an Airflow with this Polytomic as ``polytomic_default``, and a secrets backend of two files."""
    dags = private_folder(DEMO / "dags")
    shutil.copy(ROOT / "dags_examples" / f"{DAG_ID}.py", dags)
    connection = {"conn_type": "polytomic", "host": polytomic["base_url"], "password": polytomic["partner_key"]}
    env = {"AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(connection), **local_secrets(SECRETS)}
    return AirflowProcess(HOME, dags_folder=dags, env=env)


def _run(screen: Screen, polytomic: dict[str, str]) -> dict[str, Any]:
    """Onboard the customer under a real scheduler, and return the results by task.

    :raises DemoError: if a task fails, with the end of the logs.
    """
    airflow = _airflow(polytomic)
    with screen.step("Airflow: creating the database, starting the components"):
        airflow.__enter__()
    try:
        with screen.step("Airflow: waiting until it is healthy and has the DAG"):
            airflow.wait_until_ready([DAG_ID])
        screen.say(f"  Triggering {DAG_ID} with")
        for name, value in CUSTOMER.items():
            screen.say(f"    {name}: {value}")
        with screen.step("Airflow: running the DAG"):
            airflow.trigger(DAG_ID, CUSTOMER, run_id=RUN_ID)
            states = airflow.wait_for_run(DAG_ID, RUN_ID, on_change=screen.changes)
        screen.states(states)
        if states.run != "success":
            raise DemoError(_ends_of_logs(airflow, states))
        return {task: airflow.xcom(DAG_ID, RUN_ID, task) for task in states.tasks}
    finally:
        with screen.step("Airflow: stopping"):
            airflow.__exit__()


def _ends_of_logs(airflow: AirflowProcess, states: RunStates) -> str:
    """Return the ends of the logs of the tasks that did not succeed, or of the scheduler if there are none."""
    failed = [task for task, state in states.tasks.items() if state != "success"]
    logs = [log for task in failed for log in sorted(airflow.logs.rglob(f"task_id={task}/*.log"))[-1:]]
    logs = logs or [airflow.consoles / "scheduler.log"]
    ends = [[f"--- {log}", *map(_readable, log.read_text(errors="replace").splitlines()[-25:])] for log in logs]
    return "\n".join(["the DAG run did not succeed", *(line for end in ends for line in end)])


def _readable(line: str) -> str:
    """Return level, message and errors of a line of a task's log, which is JSON on Airflow 3."""
    try:
        record = json.loads(line)
        errors = [f"{error['exc_type']}: {error['exc_value']}" for error in record.get("error_detail", ())]
        return "\n".join([f"{record['level']}: {record['event']}", *errors])
    except (ValueError, KeyError, TypeError):
        return line


def _show_polytomic(screen: Screen, polytomic: dict[str, str]) -> list[str]:
    """Show what Polytomic has now, and return the customer's keys.

    :raises DemoError: unless the customer has one organization, one user and one key.
    """
    state = state_of(polytomic["base_url"])
    screen.rows("What Polytomic has now", ("organization", "user", "roles", "key fingerprints"), rows_of(state))
    screen.say(f"Invitations sent: {state['invitations']}")
    users = users_of(state, CUSTOMER["organization"])
    accounts = [(user["email"], user["roles"], len(user["live_keys"])) for user in users]
    if accounts != [(CUSTOMER["email"], [CUSTOMER["role"]], 1)]:
        raise DemoError(f"{CUSTOMER['organization']} should have one user with one key, but has {accounts}")
    keys: list[str] = users[0]["live_keys"]
    return keys


def _show_stored(screen: Screen, returned: dict[str, Any], keys: list[str]) -> None:
    """Show where the key is stored, and whose key it is.

    :param keys: the customer's keys.
    :raises DemoError: if the stored key is not the customer's, or not the one that the task returned.
    """
    connection = json.loads(STORED.read_text())[CONN_ID]
    key: str = connection["password"]
    reference, identity = returned["issue_api_key"], returned["first_call"]
    fingerprint = hashlib.sha256(key.encode()).hexdigest()[:32]
    if fingerprint != reference["fingerprint"] or key not in keys:
        raise DemoError(f"the key in {STORED} is not the customer's key that the task has returned")
    screen.facts(
        "Where the key is stored",
        {
            "destination": reference["destination"],
            "file of the secrets backend": f"{STORED.relative_to(ROOT)} (mode {STORED.stat().st_mode & 0o777:04o})",
            "connection type": connection["conn_type"],
            "host": connection["host"],
            "fingerprint of the key": fingerprint,
            "issued at": reference["issued_at"],
        },
    )
    screen.facts("Whose key it is (from /api/me, by the task first_call)", identity)


def _scan(screen: Screen, secrets: dict[str, str]) -> None:
    """Search for the keys in everything that Airflow has written, and in the output of this program.

    :raises DemoError: if a key is found, or if the search does not find the new key where it is stored.
    """
    scan, control = LeakScan(list(secrets.values())), LeakScan([secrets["the new key"]])
    with screen.step("Searching for the keys"):
        # The emulator stands for Polytomic, which has its keys; the key belongs in the file of the secrets backend.
        scan.folder(DEMO, leave_out=[DEMO / "emulator", STORED])
        control.text(STORED.name, STORED.read_text())
        scan.database(HOME / "airflow.db")
        scan.text("this screen", screen.shown)
    screen.facts(
        "Where the keys are not",
        {
            "searched for": ", ".join(secrets) + "; as plain text, JSON, URL and base64, any 12 characters",
            "searched in": f"{scan.files} files (task logs, consoles, database, records), {scan.size:,} bytes; "
            f"{scan.rows:,} database rows (XCom, rendered fields and all others)",
            "found": "nothing" if not scan.findings else f"{len(scan.findings)} places",
        },
    )
    if not control.findings:
        raise DemoError(f"the search does not find the new key in {STORED}, where it is stored")
    if scan.findings:
        raise DemoError("a key is stored where it must not be:\n" + summary(scan.findings))


def _demo(screen: Screen, arguments: Sequence[str]) -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    private_folder(DEMO)
    with ProcessGroup() as group:
        with screen.step("Polytomic: starting the emulator"):
            polytomic = start_emulator(group, DEMO / "emulator", arguments)
        returned = _run(screen, polytomic)
        keys = _show_polytomic(screen, polytomic)
        _show_stored(screen, returned, keys)
    _scan(screen, {"the new key": keys[0], "the partner key": polytomic["partner_key"]})
    screen.say(f"{CUSTOMER['organization']} is onboarded.", "bold green")
    screen.say(f"Its key is in {STORED.relative_to(ROOT)} and nowhere else.", "bold green")


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    """Exit as on an error, so that all processes are stopped."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run the demo, and return the exit status."""
    screen = Screen()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit)
    lock = os.open(ROOT / "demo", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _demo(screen, sys.argv[1:])
    except BlockingIOError:
        screen.say("Another demo is running in this checkout. Wait until it has finished.", "red")
        return 1
    except KeyboardInterrupt:
        screen.say("Interrupted. All processes are stopped.")
        return 128 + signal.SIGINT
    except (AirflowError, DemoError, EmulatorError, ProcessGroupError) as error:
        screen.say(f"The demo failed: {error}", "red")
        screen.say(f"All processes are stopped. The logs are in {DEMO.relative_to(ROOT)}/.")
        return 1
    finally:
        os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
