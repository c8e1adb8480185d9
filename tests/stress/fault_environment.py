"""What a script is played on: one customer's emulator, a real file store, and a clock of its own."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import store_on
from airflow_provider_polytomic.testing import PolytomicEmulator
from tools.airflow_sandbox.environment import free_port
from tools.airflow_sandbox.leak_scan import LeakScan, summary

from .loopback import FakeTime, Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from airflow_provider_polytomic.secret_stores.base import SecretStore

    from .fault_scripts import Script

__all__ = ["PARTNER_KEY", "RUN", "Environment", "forget_masked", "playground", "staged"]

PARTNER_KEY = "pk_live_4f9a7c1e8b2d6035e1f7a9c3f0b2d4e6"
RUN = datetime(2031, 1, 6, tzinfo=UTC)
_CONN_ID = "acme_polytomic"
_DESTINATION = Destination("airflow", "connection", _CONN_ID)
# Seconds of one request's retries, in the script's time, except with real responses.
_RETRY_FOR = 20.0


class Environment:
    """What a script is played on.

    :param folder: for the file of secrets.
    """

    def __init__(self, script: Script, folder: Path, emulator: PolytomicEmulator, time: FakeTime) -> None:
        self.emulator, self.time, self._file = emulator, time, folder / "connections.json"
        organization = emulator.add_organization("Acme")
        users = [emulator.add_user(organization.id, f"{name}@acme.example") for name in ("ada", "grace")]
        self.first, self.other = (Target(organization.id, user.id) for user in users)
        self.users = [self.first, self.other] if script.mode == "standby" else [self.first]
        self.hook = PolytomicHook("polytomic_proof", retry_for=_RETRY_FOR, clock=time.clock)
        self.before: ApiKey | None = None
        self.output: list[str] = []
        self._file.write_text("{}")
        for record in (folder / "connections.json.polytomic-issuance").glob("*"):
            record.unlink()

    def store(self) -> SecretStore:
        """Open the destination, as each try does."""
        backend = LocalFilesystemBackend(connections_file_path=str(self._file))
        return store_on(backend, _DESTINATION, issuer=self.emulator.base_url)

    def stored(self) -> ApiKey | None:
        """Return what readers get."""
        password = self._entries().get(_CONN_ID, {}).get("password")
        return ApiKey(password) if password else None

    def is_live(self, key: ApiKey | None, *users: Target) -> bool:
        """Whether it is a key of one of the users, of any of the script's if none is given, and was not revoked."""
        return key is not None and any(
            key.reveal() in self.emulator.keys_of(user.user_id) for user in users or self.users
        )

    def hand(self, kind: str) -> None:
        """Act as a person at the destination."""
        entries = self._entries()
        entry: dict[str, Any] | None = {"conn_type": "polytomic", "host": self.emulator.base_url}
        assert entry is not None
        if kind == "hand: garbage":
            entry["password"] = "nothing-that-works"
        elif kind == "hand: foreign":
            entry = {"conn_type": "postgres", "host": "warehouse", "password": "of-the-warehouse"}
        elif kind == "hand: another":
            entry["password"] = self.emulator.give_key(self.first.user_id)
        elif kind == "hand: restored" and self.before:
            entry["password"] = self.before.reveal()
        else:
            entry = None
        entries.pop(_CONN_ID, None)
        self._file.write_text(json.dumps(entries | ({_CONN_ID: entry} if entry else {})))

    def note(self, error: BaseException) -> None:
        """Keep all that an error tells to those who print it, with the locals of every frame."""
        chain = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.output.extend("".join(chain.format()).splitlines())

    def leaks(self) -> str:
        """Return every output that contains a key."""
        scan = LeakScan(self.emulator.all_keys())
        urls = [f"{request.path} {dict(request.query)}" for request in self.emulator.requests]
        scan.text("output", "\n".join({*self.output, *urls, json.dumps(dict(self.store().read_record() or {}))}))
        return summary(scan.findings)

    def _entries(self) -> dict[str, Any]:
        entries: dict[str, Any] = json.loads(self._file.read_text())
        return entries


class _Listening(logging.Handler):
    """Keeps what is logged, at any level, with what hangs on it."""

    def __init__(self, output: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._output = output
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._output.extend([self.format(record), repr(record.args)])


@contextmanager
def playground(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, int]]:
    """Have a folder and a port for any number of stages, and the connection that their hooks read.

    The folder is in memory where that is possible: every write is synced, and a disk takes its time for that.
    """
    memory, port = Path("/dev/shm"), free_port()
    folder = Path(tempfile.mkdtemp(prefix="polytomic-proof-", dir=memory if memory.is_dir() else None))
    address = {"conn_type": "polytomic", "host": f"http://127.0.0.1:{port}", "password": PARTNER_KEY}
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_PROOF", json.dumps(address))
    try:
        yield folder, port
    finally:
        shutil.rmtree(folder)


@contextmanager
def staged(script: Script, folder: Path, port: int, *, over_http: bool) -> Iterator[Environment]:
    """Set the stage for one script.

    :param port: the port of the emulator, which listens only with ``over_http``.
    """
    time = FakeTime(RUN + timedelta(minutes=1))
    emulator = PolytomicEmulator(
        PARTNER_KEY,
        port=port,
        existing_key=script.existing_key,
        replay_values=script.replay_values,
        revocation_delay=script.revocation_delay,
        clock=lambda: time.seconds,
        now=lambda: time.now,
    )
    forget_masked()
    root = logging.getLogger()
    level = root.level
    if over_http:
        emulator.start()
    stage = Environment(script, folder, emulator, time)
    listening = _Listening(stage.output)
    root.addHandler(listening)
    root.setLevel(logging.DEBUG)
    try:
        if not over_http:
            stage.hook.get_conn().mount(emulator.base_url, Loopback(emulator, time))
        yield stage
    finally:
        root.setLevel(level)
        root.removeHandler(listening)
        stage.hook.close()
        emulator.stop()


def forget_masked() -> None:
    """Make Airflow forget what it masks: it compiles one pattern of all secrets of a process for each new secret."""
    for name, module in list(sys.modules.items()):
        if name.endswith("secrets_masker") and hasattr(module, "_secrets_masker"):
            masker = module._secrets_masker()
            masker.patterns.clear()
            masker.replacer = None
