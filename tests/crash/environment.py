"""Environment of the scenarios: customers with a destination each, an emulator, the servers, and the fork server."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.testing import PolytomicEmulator

from .issuer import Issuance
from .processes import ForkServer
from .servers import REAL, SERVED, Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.vault_server import VaultServer

    from .servers import Served

__all__ = ["LOCAL", "METASTORE", "Customer", "Environment", "local_backend", "running_environment"]

METASTORE = "metastore-variable"
# The stores on this machine, and the kinds of their secrets.
LOCAL = {"json-connection": "connection", "json-variable": "variable", METASTORE: "variable"}


@dataclass(frozen=True)
class Environment:
    """State that all scenarios share."""

    emulator: PolytomicEmulator
    fork_server: ForkServer
    folder: Path
    servers: Servers

    def customer(self, place: str, *, standby: bool = False, beside: Customer | None = None) -> Customer:
        """Create a customer with new users and an empty destination.

        :param beside: another customer of the same store.
        """
        organization = self.emulator.add_organization(f"Customer {uuid.uuid4()}")
        users = [
            self.emulator.add_user(organization.id, f"{each}@acme.example")
            for each in ("ada", "standby")[: 1 + standby]
        ]
        name = f"acme_{uuid.uuid4().hex[:8]}_api_key"
        caller = {"conn_type": "polytomic", "host": self.emulator.base_url, "password": self.emulator.partner_key}
        environ: dict[str, str | None] = {"AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(caller)}
        file = served = None
        if make := {**SERVED, **REAL}.get(place):
            served = make(self.servers, name)
            destination = served.destination
            environ |= served.environ
        else:
            kind = LOCAL[place]
            destination = f"airflow://{kind}/{name}"
            if place != METASTORE:
                file = beside.file if beside else self._file(kind)
            environ |= local_backend(kind, file)
        user_ids = tuple(user.id for user in users)
        return Customer(self, place, organization.id, user_ids, destination, environ, file, served)

    def _file(self, kind: str) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)
        file = folder / "secrets.json"
        file.write_text(json.dumps({"other": "postgres://u:p@db/x" if kind == "connection" else "kept"}))
        return file


def local_backend(kind: str, file: Path | None) -> dict[str, str | None]:
    """Return the settings for a file of connections; without a file, for the metastore alone."""
    backend = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    return {
        "AIRFLOW__SECRETS__BACKEND": backend if file else None,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({f"{kind}s_file_path": str(file)}) if file else None,
    }


@dataclass(frozen=True)
class Customer:
    """A customer with one destination.

    :param user_ids: the users whose keys it has in turn, the first one first.
    :param file: the file with the destination, in a store of files.
    :param served: the destination on a server.
    """

    environment: Environment
    place: str
    org_id: str
    user_ids: tuple[str, ...]
    destination: str
    environ: dict[str, str | None]
    file: Path | None
    served: Served | None

    @property
    def target(self) -> dict[str, str]:
        """Return the target as a job names it."""
        given = {"org_id": self.org_id, "user_id": self.user_ids[0], "destination": self.destination}
        return {**given, "standby_user_id": self.user_ids[1]} if self.user_ids[1:] else given

    def job(self, **given: Any) -> Issuance:
        """Return the job of a process."""
        return Issuance(
            **{"environ": self.environ, "targets": (self.target,), "in_a_task": self.place == METASTORE, **given}
        )

    def user_of(self, run: int) -> str:
        """Return the user whose key is stored after a run, counted from 0."""
        return self.user_ids[run % len(self.user_ids)]

    def live(self) -> set[str]:
        """Return the fingerprints of all keys that work."""
        keys = [key for user_id in self.user_ids for key in self.environment.emulator.keys_of(user_id)]
        return {ApiKey(key).fingerprint for key in keys}

    def check(self, runs: int, report: dict[str, Any], story: object) -> None:
        """Check that each run has issued one key, and that the last one is stored and works."""
        emulator, user_id = self.environment.emulator, self.user_of(runs - 1)
        for index, each in enumerate(self.user_ids):
            theirs = len(range(index, runs, len(self.user_ids)))
            assert emulator.minted(each) == theirs, f"keys issued for user {index}: {story}"
            assert len(emulator.keys_of(each)) == min(theirs, 1), f"live keys of user {index}: {story}"
        live = emulator.live_key(user_id)
        fingerprint = ApiKey(live).fingerprint
        assert report["readers_get"][self.destination] == fingerprint, f"readers get another key: {story}"
        record = report["records"][self.destination]
        assert (record["state"], record["fingerprint"]) == ("done", fingerprint), story
        assert (record["org_id"], record["user_id"]) == (self.org_id, user_id), story

    def aside(self) -> list[str]:
        """The temporary files beside the file, which contain the key."""
        return [each.name for each in self.file.parent.iterdir() if "polytomic-new" in each.name] if self.file else []

    def check_files(self, live: set[str], number: int) -> None:
        """Check that the folder has no other files, and that no record contains a key."""
        if not self.file:
            return
        folder, records = self.file.parent, self.file.with_name(f"{self.file.name}.polytomic-issuance")
        # A process killed after another one has finished leaves its copy until the next write, with the same mode.
        for each in self.aside():
            assert (folder / each).stat().st_mode | self.file.stat().st_mode == self.file.stat().st_mode
        kept = {self.file.name, f".{self.file.name}.polytomic-lock", records.name}
        assert {each.name for each in folder.iterdir()} - set(self.aside()) == kept
        assert "other" in self.file.read_text(), "what others keep in the file is kept"
        # A record that was never put in place can be left behind; it is never read, and contains no secret.
        assert len([each for each in records.iterdir() if each.suffix == ".json"]) == number
        assert not any(key in each.read_text() for each in records.iterdir() for key in live)


@contextmanager
def running_environment(real_vault: VaultServer | None = None) -> Iterator[Environment]:
    """Start the environment, and check at the end that nothing is left of it."""
    # Not tmp_path: other users cannot enter pytest's folders, and the tests of denied rights become another user.
    folder = Path(tempfile.mkdtemp(prefix="polytomic-crash-"))
    folder.chmod(0o755)
    with (
        PolytomicEmulator() as emulator,
        Servers.running(real_vault) as servers,
        ForkServer(folder / "console.log") as fork_server,
    ):
        yield Environment(emulator, fork_server, folder, servers)
        assert psutil.Process(fork_server.pid).children(recursive=True) == [], "a process was not reaped"
    shutil.rmtree(folder)
