"""Onboard a customer on a real Airflow, and show that the key is in the secrets backend and nowhere else.

Starts an emulated Polytomic and an Airflow of its own, runs dags_examples/polytomic_onboarding.py under a scheduler,
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
    """The demo did not show what it should."""


def _airflow(polytomic: dict[str, str]) -> AirflowProcess:
    """Describe an Airflow that knows this Polytomic as ``polytomic_default`` and has a secrets backend of two files."""
    dags = private_folder(DEMO / "dags")
    shutil.copy(ROOT / "dags_examples" / f"{DAG_ID}.py", dags)
    connection = {"conn_type": "polytomic", "host": polytomic["base_url"], "password": polytomic["partner_key"]}
    env = {"AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(connection), **local_secrets(SECRETS)}
    return AirflowProcess(HOME, dags_folder=dags, env=env)


def _run(screen: Screen, polytomic: dict[str, str]) -> dict[str, Any]:
    """Onboard the customer under a real scheduler and return what the tasks have returned, by task.

    :raises DemoError: with the end of the logs if a task fails.
    """
    airflow = _airflow(polytomic)
    with screen.step("Airflow: making its database and starting it"):
        airflow.__enter__()
    try:
        with screen.step("Airflow: waiting until it is healthy and knows the DAG"):
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


def _exists(screen: Screen, polytomic: dict[str, str]) -> list[str]:
    """Show what Polytomic has now; return the customer's live keys.

    :raises DemoError: if that is not one organization with one user and one key.
    """
    state = state_of(polytomic["base_url"])
    screen.rows("What Polytomic has now", ("organization", "user", "roles", "live keys"), rows_of(state))
    screen.say(f"Invitations sent: {state['invitations']}")
    users = users_of(state, CUSTOMER["organization"])
    found = [(user["email"], user["roles"], len(user["live_keys"])) for user in users]
    if found != [(CUSTOMER["email"], [CUSTOMER["role"]], 1)]:
        raise DemoError(f"Polytomic should have one user of {CUSTOMER['organization']} with one key, not {found}")
    keys: list[str] = users[0]["live_keys"]
    return keys


def _stored(screen: Screen, returned: dict[str, Any], keys: list[str]) -> None:
    """Show what is stored where and whose key it is.

    :param keys: the customer's live ones.
    :raises DemoError: if what is stored is not that key, or not what the task said.
    """
    connection = json.loads(STORED.read_text())[CONN_ID]
    key: str = connection["password"]
    reference, identity = returned["issue_api_key"], returned["first_call"]
    fingerprint = hashlib.sha256(key.encode()).hexdigest()[:32]
    if fingerprint != reference["fingerprint"] or key not in keys:
        raise DemoError(f"{STORED} holds another key than the customer's, which the task says it stored")
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
    screen.facts("Who /api/me says the key is (asked by first_call)", identity)


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
            polytomic = start_emulator(group, DEMO / "emulator", arguments)
        returned = _run(screen, polytomic)
        keys = _exists(screen, polytomic)
        _stored(screen, returned, keys)
    _scan(screen, {"the new key": keys[0], "the partner key": polytomic["partner_key"]})
    screen.say(f"{CUSTOMER['organization']} is onboarded.", "bold green")
    screen.say(f"Its key is in {STORED.relative_to(ROOT)} and nowhere else.", "bold green")


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
    except (AirflowError, DemoError, EmulatorError, ProcessGroupError) as error:
        screen.say(f"The demo failed: {error}", "red")
        screen.say(f"All of its logs are below {DEMO.relative_to(ROOT)}/; everything that was started has been ended.")
        return 1
    finally:
        os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
