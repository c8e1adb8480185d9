"""What stands around an issuer that dies? A customer with a destination of its own, and what must be so in the end."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_polytomic.api_key import ApiKey
from tests.tally import count

from .job import Job, Strike
from .servers import REAL, SERVED

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing import PolytomicEmulator, User

    from .job import Outcome, Watch
    from .processes import Zygote
    from .servers import Served, Servers

__all__ = ["LOCAL", "Scenario", "World", "count_struck", "unprivileged"]

# What a run is for, not when it happens: the second one is due at once.
FIRST_RUN = datetime.now(UTC)
NEXT_RUN = FIRST_RUN + timedelta(days=1)

# The stores on this machine: the kind of secret, and the form of the file or None for the metastore.
LOCAL: dict[str, tuple[str, str | None]] = {
    "json-connection": ("connection", "json"),
    "json-variable": ("variable", "json"),
    "metastore-variable": ("variable", None),
}


@dataclass(frozen=True)
class World:
    """What all scenarios share."""

    emulator: PolytomicEmulator
    zygote: Zygote
    folder: Path
    servers: Servers

    def scenario(self, place: str, *, forced: bool, beside: Scenario | None = None) -> Scenario:
        """A new user without a key, and a destination that holds nothing.

        Of a forced issuance the first run is done before the strike: the key that it issued is due in the next one.

        :param beside: another destination of the same place, which is to be held by the same store.
        """
        organization = self.emulator.add_organization(f"Customer {uuid.uuid4()}")
        user = self.emulator.add_user(organization.id, "ada@acme.example")
        name = f"acme_{uuid.uuid4().hex[:8]}_api_key"
        caller = {"conn_type": "polytomic", "host": self.emulator.base_url, "password": self.emulator.partner_key}
        environ: dict[str, str | None] = {"AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(caller)}
        file = served = None
        if make := {**SERVED, **REAL}.get(place):
            served = make(self.servers, name)
            destination = served.destination
            environ |= served.environ
            if forced:
                served.keep_something(self.emulator.base_url)
        else:
            kind, suffix = LOCAL[place]
            destination = f"airflow://{kind}/{name}"
            file = beside.file if beside else self._file(kind, suffix) if suffix else None
            environ |= _local_backend(kind, file)
        runs = (
            ((forced, FIRST_RUN.isoformat()), (forced, NEXT_RUN.isoformat()))
            if forced
            else ((False, NEXT_RUN.isoformat()),)
        )
        in_a_task = place == "metastore-variable"
        job = Job(user.organization_id, user.id, destination, runs=runs, environ=environ, in_a_task=in_a_task)
        return Scenario(self.emulator, self.zygote, user, job, file, served)

    def _file(self, kind: str, suffix: str) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)
        file = folder / f"secrets.{suffix}"
        file.write_text(json.dumps({"other": "postgres://u:p@db/x" if kind == "connection" else "kept"}))
        return file


def _local_backend(kind: str, file: Path | None) -> dict[str, str | None]:
    if file is None:
        return {"AIRFLOW__SECRETS__BACKEND": None, "AIRFLOW__SECRETS__BACKEND_KWARGS": None}
    return {
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({f"{kind}s_file_path": str(file)}),
    }


@dataclass(frozen=True)
class Scenario:
    """One user, one destination.

    :param job: to issue, all runs of it.
    :param file: that holds the destination, in a store of files.
    :param served: the destination, if it is on a server.
    """

    emulator: PolytomicEmulator
    zygote: Zygote
    user: User
    job: Job
    file: Path | None
    served: Served | None

    @property
    def secrets(self) -> Path:
        """The file that holds the destination, in a store of files."""
        assert self.file
        return self.file

    @property
    def last_run(self) -> Job:
        """The job's last run alone."""
        return replace(self.job, runs=self.job.runs[-1:])

    @property
    def keys_held_before(self) -> int:
        return len(self.job.runs) - 1

    def strike(self, at: int, signal_: int = signal.SIGKILL, *, watch: Watch = "calls", whole: bool = True) -> Outcome:
        """Run the job and strike at a point of its last run.

        :param whole: with the runs before it, too.
        """
        job = self.job if whole else self.last_run
        return self.zygote.run(replace(job, strike=Strike(at, signal_, watch)))

    def check_that_the_next_run_completes(self, what_happened: object, *, mints: int = 1) -> None:
        """Run once more, in a new process, and then again: one live key, stored and recorded; nothing left over."""
        last = self.last_run
        after = self.zygote.run(replace(last, runs=last.runs * 2))
        assert (after.state, after.code) == ("exited", 0), self._story(what_happened, after)
        live = self.emulator.live_key(self.user.id)
        assert after.told["readers_get"] == ApiKey(live).fingerprint, self._story(what_happened, after)
        assert self.emulator.minted(self.user.id) == self.keys_held_before + mints, self._story(what_happened, after)
        completing, again = after.told["references"]
        assert again["issued"] is False, self._story(what_happened, after)
        assert completing["fingerprint"] == again["fingerprint"] == ApiKey(live).fingerprint
        record = after.told["record"]
        assert (record["state"], record["fingerprint"]) == ("done", ApiKey(live).fingerprint)
        assert (record["org_id"], record["user_id"]) == (self.user.organization_id, self.user.id)
        if self.file:
            self._check_files(live)
        if self.served:
            self.served.check(live, kept=self.keys_held_before > 0)

    def check_that_a_later_run_tidies_up(self) -> None:
        """Renew once more: whatever a dead process left aside is gone with the next write."""
        later = replace(self.job, runs=((True, (NEXT_RUN + timedelta(days=1)).isoformat()),))
        assert self.zygote.run(later).code == 0, self.zygote.said()
        assert self.aside() == []

    def aside(self) -> list[str]:
        """The new content of the file, left beside it: with the key in it."""
        if not self.file:
            return []
        return [each.name for each in self.secrets.parent.iterdir() if "polytomic-new" in each.name]

    def _check_files(self, live: str) -> None:
        folder = self.secrets.parent
        records = folder / f"{self.secrets.name}.polytomic-issuance"
        # Killed while another one had finished, it leaves its copy until the next write: as closed as the file itself.
        for each in self.aside():
            assert (folder / each).stat().st_mode | self.secrets.stat().st_mode == self.secrets.stat().st_mode
        assert {each.name for each in folder.iterdir()} - set(self.aside()) == {
            self.secrets.name,
            f".{self.secrets.name}.polytomic-lock",
            records.name,
        }
        assert "other" in self.secrets.read_text(), "what others keep in the file is kept"
        # A record that was never put in place may stay behind; nobody reads it, and it holds no secret.
        finished = [each for each in records.iterdir() if each.suffix == ".json"]
        assert len(finished) == 1
        assert not any(live in each.read_text() for each in records.iterdir())

    def _story(self, what_happened: object, after: Outcome) -> str:
        posts = [
            (request.idempotency_key, request.status)
            for request in self.emulator.received("create_api_key")
            if self.user.id in request.path
        ]
        return f"{what_happened}\nthen {after}\nposts {posts}\n{self.zygote.said()}"


def count_struck(where: str, number: int = 1) -> None:
    """Tell at the end how many processes were struck, and where."""
    count("processes that were struck, each followed by one that completed", where, number)


def unprivileged() -> int | None:
    """A user whom file modes bind; None where that is so already."""
    return 65534 if os.geteuid() == 0 else None
