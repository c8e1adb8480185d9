"""What does the contract suite need to know of one store? How to open it, and to act as a person and as a consumer.

A new store is one more class, in a module of its own, and its rows in :data:`CASES`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal, Protocol

from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.opening import store_on
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS, variable_get

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from airflow_provider_polytomic.secret_stores.base import SecretStore

    Make = Callable[[pytest.FixtureRequest, Path], "StoreCase"]

__all__ = ["ANY_NAME", "IN_A_TASK", "ISSUER", "LOCAL_CASES", "METASTORE_CASES", "MetastoreCase", "StoreCase"]

ISSUER = "http://127.0.0.1:8766"
ANY_NAME = re.compile(r".+")
IN_A_TASK = "POLYTOMIC_CONTRACT_IN_A_TASK"  # set by run_in_a_task.py: the stores that need a running task


class StoreCase(Protocol):
    """One store, as the suite sees it."""

    parallel: bool
    """Whether threads may use it at once, each its own destination."""
    keeps_beside: str | None
    """What a person may keep in the same secret (see :meth:`put`), or None where a secret is the key alone."""

    names: re.Pattern[str]
    """The names that it can hold."""
    denied: str
    """What an error says where the right to write is missing."""
    checks_rights: bool
    """Whether :meth:`SecretStore.check_write` finds that out where something is stored."""

    def open(self, name: str) -> SecretStore:
        """Open it anew, as another worker would."""

    def put(self, name: str, key: str, beside: str | None = None) -> None:
        """Act as a person who stores a key, and something beside it."""

    def put_foreign(self, name: str) -> None:
        """Act as a person who stores what is no key."""

    def beside(self, name: str) -> str | None:
        """Return what a person stored beside the key."""

    def consumer(self, name: str) -> str | None:
        """Return what the next task gets."""

    def deny(self) -> None:
        """Take away the right to write, not the right to read."""


class LocalCase:
    """A file, read by Airflow's own class."""

    parallel = True
    names = ANY_NAME
    denied = "Let this user write"
    checks_rights = True

    def __init__(self, folder: Path, kind: Literal["connection", "variable"]) -> None:
        self.kind, self.file = kind, folder / "secrets.json"
        self.keeps_beside = "owned by the data team" if kind == "connection" else None
        self.file.write_text(json.dumps({"other": "postgres://u:p@db/x" if kind == "connection" else "kept"}))
        self.backend = LocalFilesystemBackend(**{f"{kind}s_file_path": str(self.file)})

    def open(self, name: str) -> SecretStore:
        destination = Destination("airflow", self.kind, name)
        assert Destination.parse(str(destination)) == destination
        return store_on(self.backend, destination, issuer=ISSUER)

    def put(self, name: str, key: str, beside: str | None = None) -> None:
        connection = {"conn_type": "polytomic", "host": ISSUER, "password": key, "description": beside}
        self._set(name, connection if self.kind == "connection" else key)

    def put_foreign(self, name: str) -> None:
        self._set(name, "postgres://u:warehouse-password@db/x" if self.kind == "connection" else "two words")

    def beside(self, name: str) -> str | None:
        connection = self.backend.get_connection(name)
        return connection.description if connection else None

    def consumer(self, name: str) -> str | None:
        if self.kind == "variable":
            return self.backend.get_variable(name)
        connection = self.backend.get_connection(name)
        return connection.password if connection else None

    def deny(self) -> None:
        self.file.parent.chmod(0o555)

    def _set(self, name: str, content: Any) -> None:
        entries = json.loads(self.file.read_text(encoding="utf-8"))
        self.file.write_text(json.dumps({**entries, name: content}), encoding="utf-8")


class MetastoreCase:
    """The metadata database, through whatever a task reaches it by."""

    # SQLite has one writer at a time, and a task one channel to its supervisor.
    parallel = False
    # The Execution API of dag.test() cannot decode others; the one of a scheduler's task is another.
    names = re.compile(r"[ -~]+") if AIRFLOW_V_3_0_PLUS else ANY_NAME
    denied = ""
    checks_rights = False

    def __init__(self) -> None:
        self.keeps_beside: str | None = None

    def open(self, name: str) -> SecretStore:
        return store_on(None, Destination.parse(str(Destination("airflow", "variable", name))), issuer=ISSUER)

    def put(self, name: str, key: str, beside: str | None = None) -> None:
        from airflow.providers.common.compat.sdk import Variable

        Variable.set(name, key)

    def put_foreign(self, name: str) -> None:
        self.put(name, "two words")

    def beside(self, name: str) -> str | None:
        raise NotImplementedError

    def consumer(self, name: str) -> str | None:
        return variable_get(name)

    def deny(self) -> None:
        raise NotImplementedError


def _local(kind: Literal["connection", "variable"]) -> Make:
    return lambda _, folder: LocalCase(folder, kind)


LOCAL_CASES: dict[str, Make] = {"json-connection": _local("connection"), "json-variable": _local("variable")}
METASTORE_CASES: dict[str, Make] = {"metastore-variable": lambda *_: MetastoreCase()}
