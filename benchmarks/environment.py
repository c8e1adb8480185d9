"""The servers of a measurement, each in its own process: a Polytomic, a Vault or OpenBao, and the delay."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.vault_real import VaultReal, vault_binary
from tools.airflow_sandbox.environment import isolated, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CONN_ID", "MOUNT", "ROOT", "Distance", "Servers", "start_servers"]

ROOT = Path(__file__).resolve().parent.parent
CONN_ID = "polytomic_default"
MOUNT = "secret"


class Distance:
    """Client of the relay in front of the servers.

    :param address: the address for commands.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._file = self._socket.makefile("rw")

    def set(self, seconds: float) -> None:
        """Set the time of a round trip."""
        self._send({"seconds": seconds})

    def forget(self) -> None:
        """Empty the log of requests."""
        self._send({"forget": True})

    def noted(self) -> list[list[str]]:
        """Return the logged requests in the order of their arrival: server, method, path."""
        return cast("list[list[str]]", self._send({})["noted"])

    def close(self) -> None:
        """Close the connection to the relay."""
        self._file.close()
        self._socket.close()

    def _send(self, command: dict[str, Any]) -> dict[str, Any]:
        self._file.write(json.dumps(command) + "\n")
        self._file.flush()
        return cast("dict[str, Any]", json.loads(self._file.readline()))


@dataclass(frozen=True)
class Servers:
    """Addresses and keys of the running servers; the addresses are those of the relay.

    :param targets: the ids of organization and user.
    :param vault_version: the name and version of the Vault.
    :param orders: the address for commands to the relay.
    """

    polytomic: str
    partner_key: str
    targets: list[list[str]]
    vault: str
    vault_token: str
    vault_version: str
    orders: str

    def environment(self, home: Path) -> dict[str, str]:
        """Return the environment of a process whose Airflow uses these servers.

        :param home: the AIRFLOW_HOME of the process.
        """
        return isolated(os.environ, private_folder(home)) | self.settings()

    def settings(self) -> dict[str, str]:
        """Return the settings of Airflow for both: a connection, and the secrets backend."""
        connection = {"conn_type": "polytomic", "host": self.polytomic, "password": self.partner_key}
        backend = {"url": self.vault, "token": self.vault_token, "mount_point": MOUNT, "kv_engine_version": 2}
        return {
            f"AIRFLOW_CONN_{CONN_ID.upper()}": json.dumps(connection),
            "AIRFLOW__SECRETS__BACKEND": "airflow.providers.hashicorp.secrets.vault.VaultBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(backend),
        }

    def facts(self) -> dict[str, Any]:
        """Return the arguments of a measuring process."""
        return {
            "polytomic": self.polytomic,
            "partner_key": self.partner_key,
            "vault": self.vault,
            "vault_token": self.vault_token,
            "orders": self.orders,
        }


@contextmanager
def start_servers(customers: int) -> Iterator[Servers]:
    """Start all servers, and stop them at the end.

    :param customers: the number of users in Polytomic.
    """
    with ExitStack() as ending:
        polytomic = ending.enter_context(_child("benchmarks.serving", "polytomic", str(customers)))
        if (binary := vault_binary()) is None:
            vault = ending.enter_context(_child("benchmarks.serving", "vault"))
        else:
            real = VaultReal(binary, on_disk=True)
            ending.callback(real.stop)
            vault = {"url": real.url, "token": real.root_token, "version": real.version}
        places = [
            f"{name}={server['url'].removeprefix('http://')}" for name, server in _named(polytomic, vault).items()
        ]
        relay = ending.enter_context(_child("benchmarks.delay", *places))
        yield Servers(
            polytomic=f"http://{relay['polytomic']}",
            partner_key=polytomic["partner_key"],
            targets=polytomic["targets"],
            vault=f"http://{relay['vault']}",
            vault_token=vault["token"],
            vault_version=vault["version"],
            orders=relay["orders"],
        )


def _named(polytomic: Mapping[str, Any], vault: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {"polytomic": polytomic, "vault": vault}


@contextmanager
def _child(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """Start a server, and return what it prints; it exits at the end of its stdin, even if this process is killed."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both are pipes")
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(timeout=30)
