"""The stores of the package as the contract suite uses them.

A new store is one more class, in a module of its own, and its rows in ``CASES`` of ``conftest.py``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote

from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic._airflow.secrets_backends import get_variable
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import ClientCache, StoreFactory, store_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from airflow_provider_polytomic.secret_stores.base import SecretStore

    Make = Callable[[pytest.FixtureRequest, Path], "StoreCase"]

__all__ = [
    "CONNECTION",
    "IN_A_TASK",
    "ISSUER",
    "LOCAL_CASES",
    "METASTORE_CASES",
    "TEXT",
    "Addressing",
    "BackendCase",
    "Layout",
    "LocalCase",
    "MetastoreCase",
    "StoreCase",
]

ISSUER = "http://127.0.0.1:8766"
ANY_NAME = re.compile(r".+")
IN_A_TASK = "POLYTOMIC_CONTRACT_IN_A_TASK"  # set by run_in_a_task.py: the stores that need a running task

Addressing = Literal["connection", "variable", "writer", "outside", "field"]
"""An Airflow connection or Variable, a connection that another connection writes, a secret outside Airflow, or a field
of one."""


class StoreCase(Protocol):
    """One kind of store: the members of ``StoreContract`` that have the same names, without its tests."""

    is_concurrent: bool
    note: str | None
    keeps_note: bool
    supported_names: re.Pattern[str]
    denied_reasons: frozenset[str]
    checks_write: bool

    def open_store(self, name: str) -> SecretStore: ...

    def put(self, name: str, key: str, note: str | None = None) -> None: ...

    def put_foreign(self, name: str) -> None: ...

    def read_note(self, name: str) -> str | None: ...

    def read_as_consumer(self, name: str) -> str | None: ...

    def deny_writes(self) -> None: ...


@dataclass(frozen=True)
class Layout:
    """The fields of a secret.

    :param key: the field of the key; None if the secret is the key alone.
    :param note: the field of what a person keeps beside the key; None if there is no such field.
    """

    key: str | None
    note: str | None = None

    @property
    def is_connection(self) -> bool:
        return self.key == "password"

    def content(self, key: str, note: str | None = None) -> Any:
        if self.key is None:
            return key
        fields = {"conn_type": "polytomic", "host": ISSUER} if self.is_connection else {}
        return {**fields, self.key: key, **({self.note: note} if self.note and note else {})}

    def foreign(self) -> Any:
        if self.is_connection:
            return {"conn_type": "postgres", "host": "db", "password": "warehouse-password"}
        return self.content("two words")


CONNECTION = Layout("password", "description")
TEXT = Layout(None)


class BackendCase:
    """A store that an Airflow backend reads, or one outside Airflow.

    Subclasses set the attributes that have no value here, and read and write secrets as a person does.
    """

    is_concurrent = True
    supported_names = ANY_NAME
    denied_reasons = frozenset({"missing_right"})
    checks_write = True
    writer = ""
    outside = ("", "")
    """The parts of the URI of a secret outside Airflow, before and after its name."""
    addressing: Addressing
    layout: Layout
    backend: Any

    def __init__(self) -> None:
        self.note = "owned by the data team" if self.layout.note else None
        self.keeps_note = not self.layout.is_connection and self.layout.key is not None
        self.forget_clients()

    def forget_clients(self) -> None:
        """Have the next store that is opened log in again."""
        self._stores, self._clients = StoreFactory(issuer=ISSUER), ClientCache()

    def open_store(self, name: str) -> SecretStore:
        if self.addressing in {"outside", "field"}:
            return self._stores.open(quote(name).join(self.outside))
        kind: Any = "variable" if self.addressing == "variable" else "connection"
        destination = Destination("airflow", kind, name, conn_id=self.writer if self.addressing == "writer" else None)
        assert Destination.parse(str(destination)) == destination
        return store_on(self.backend, destination, issuer=ISSUER, clients=self._clients)

    def put(self, name: str, key: str, note: str | None = None) -> None:
        self.set(name, self.layout.content(key, note))

    def put_foreign(self, name: str) -> None:
        self.set(name, self.layout.foreign())

    def read_note(self, name: str) -> str | None:
        note: str | None = self.get(name)[self.layout.note]
        return note

    def read_as_consumer(self, name: str) -> str | None:
        if self.addressing == "variable":
            value: str | None = self.backend.get_variable(name)
            return value
        if self.addressing in {"connection", "writer"}:
            connection = self.backend.get_connection(name)
            return connection.password if connection else None
        content = self.get(name)
        key: str | None = content.get(self.layout.key) if content and self.layout.key else content
        return key

    def set(self, name: str, content: Any) -> None:
        """Store a string, or fields, without compare-and-set."""
        raise NotImplementedError

    def get(self, name: str) -> Any:
        """Return the string or the fields, or None."""
        raise NotImplementedError


class LocalCase(BackendCase):
    """A file that Airflow's own class reads."""

    denied_reasons = frozenset({"file_rights"})

    def __init__(self, folder: Path, addressing: Literal["connection", "variable"]) -> None:
        self.addressing, self.layout = addressing, CONNECTION if addressing == "connection" else TEXT
        super().__init__()
        self.file = folder / "secrets.json"
        self.file.write_text(json.dumps({"other": "postgres://u:p@db/x" if addressing == "connection" else "kept"}))
        self.backend = LocalFilesystemBackend(**{f"{addressing}s_file_path": str(self.file)})

    def deny_writes(self) -> None:
        self.file.parent.chmod(0o555)

    def set(self, name: str, content: Any) -> None:
        self.file.write_text(json.dumps({**json.loads(self.file.read_text()), name: content}))

    def get(self, name: str) -> Any:
        return json.loads(self.file.read_text()).get(name)


class MetastoreCase:
    """The metadata database, in the way that a task reaches it."""

    # SQLite has one writer at a time, and a task one channel to its supervisor.
    is_concurrent = False
    # The Execution API of dag.test() cannot decode other names; a scheduler's task uses another one.
    supported_names = re.compile(r"[ -~]+") if AIRFLOW_V_3_0_PLUS else ANY_NAME
    denied_reasons: frozenset[str] = frozenset()
    checks_write = False
    note: str | None = None
    keeps_note = False

    def open_store(self, name: str) -> SecretStore:
        return store_on(None, Destination("airflow", "variable", name), issuer=ISSUER)

    def put(self, name: str, key: str, note: str | None = None) -> None:
        from airflow.providers.common.compat.sdk import Variable

        Variable.set(name, key)

    def put_foreign(self, name: str) -> None:
        self.put(name, "two words")

    def read_note(self, name: str) -> str | None:
        raise NotImplementedError

    def read_as_consumer(self, name: str) -> str | None:
        return get_variable(name)

    def deny_writes(self) -> None:
        raise NotImplementedError


LOCAL_CASES: dict[str, Make] = {
    "json-connection": lambda _, folder: LocalCase(folder, "connection"),
    "json-variable": lambda _, folder: LocalCase(folder, "variable"),
}
METASTORE_CASES: dict[str, Make] = {"metastore-variable": lambda *_: MetastoreCase()}
