"""The emulated Polytomic of the demo, and what it contains at the end."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import requests

from tools.airflow_sandbox.environment import isolated, private_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.airflow_sandbox.process_group import ProcessGroup

__all__ = ["EmulatorError", "rows_of", "start_emulator", "state_of", "users_of"]

START_SECONDS = 120.0


class EmulatorError(RuntimeError):
    """Error of the emulator: it did not start, or does not respond."""


def start_emulator(group: ProcessGroup, home: Path, arguments: Sequence[str]) -> dict[str, str]:
    """Start the emulator on a free port, and return what it prints: ``base_url``, ``partner_key`` and more.

    :param home: the folder for its console.
    :param arguments: further arguments of its command line.
    :raises EmulatorError: if it does not start in time.
    """
    console = private_folder(home) / "console.log"
    command = [sys.executable, "-m", "airflow_provider_polytomic.testing", "--port", "0", "--json", *arguments]
    group.start("emulator", command, env=isolated(os.environ, home), console=console)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        group.check()
        line, complete, _ = console.read_text().partition("\n")
        # Any other line is the error of a process that is about to exit.
        if complete and line.startswith("{"):
            facts: dict[str, str] = json.loads(line)
            return facts
        time.sleep(0.1)
    raise EmulatorError(f"the emulator did not start within {START_SECONDS:.0f} s:\n{group.tail('emulator')}")


def state_of(base_url: str) -> dict[str, Any]:
    """Return the state of the emulator, which contains keys.

    :raises EmulatorError: if it does not respond.
    """
    with requests.Session() as http:
        http.trust_env = False
        try:
            response = http.get(f"{base_url}/_emulator/state", timeout=30)
            response.raise_for_status()
        except requests.RequestException as error:
            raise EmulatorError(f"the emulator does not return its state: {error}") from None
        state: dict[str, Any] = response.json()
    return state


def users_of(state: Mapping[str, Any], organization: str) -> list[dict[str, Any]]:
    """Return the users of all organizations of this name."""
    ids = {candidate["id"] for candidate in state["organizations"] if candidate["name"] == organization}
    return [user for user in state["users"] if user["organization_id"] in ids]


def rows_of(state: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return a row for each user, or for an organization without users: name, e-mail, roles, keys.

    A key is shown as the beginning of its fingerprint.
    """
    rows = []
    for organization in state["organizations"]:
        name = organization["name"]
        users = [user for user in state["users"] if user["organization_id"] == organization["id"]]
        rows += [
            (
                name,
                user["email"],
                ", ".join(user["roles"]) or "-",
                ", ".join(f"{fingerprint[:8]}..." for fingerprint in user["fingerprints"]) or "-",
            )
            for user in users
        ]
        rows += [] if users else [(name, "-", "-", "-")]
    return rows
