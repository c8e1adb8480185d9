"""What the contract suite needs to know of a store: how to open it, and to act as a person and as a consumer.

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
    "BackendCase",
    "Form",
    "LocalCase",
    "MetastoreCase",
    "StoreCase",
    "Way",
]

ISSUER = "http://127.0.0.1:8766"
ANY_NAME = re.compile(r".+")
IN_A_TASK = "POLYTOMIC_CONTRACT_IN_A_TASK"  # set by run_in_a_task.py: the stores that need a running task

Way = Literal["connection", "variable", "writer", "outside", "field"]
"""A connection or a Variable of Airflow's, a connection that another connection writes, a secret outside Airflow, or a
field of one."""


class StoreCase(Protocol):
    """One store, as the suite sees it."""

    parallel: bool
    """Whether threads may use it at once, each its own destination."""
    keeps_beside: str | None
    """What a person may keep in the same secret (see :meth:`put`), or None where a secret is the key alone."""
    has_fields: bool
    """Whether a removal takes only the key's field; elsewhere a connection or a text goes whole."""
    names: re.Pattern[str]
    """The names that it can hold."""
    denied: frozenset[str]
    """The reasons of an error where the right to write is missing."""
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


@dataclass(frozen=True)
class Form:
    """What a secret looks like.

    :param key: the field that holds the key; None where the secret is the key alone.
    :param note: the field for what a person keeps beside it; None where there is none.
    """

    key: str | None
    note: str | None = None

    @property
    def is_connection(self) -> bool:
        return self.key == "password"

    def content(self, key: str, beside: str | None = None) -> Any:
        if self.key is None:
            return key
        fields = {"conn_type": "polytomic", "host": ISSUER} if self.is_connection else {}
        return {**fields, self.key: key, **({self.note: beside} if self.note and beside else {})}

    def foreign(self) -> Any:
        if self.is_connection:
            return {"conn_type": "postgres", "host": "db", "password": "warehouse-password"}
        return self.content("two words")


CONNECTION = Form("password", "description")
TEXT = Form(None)


class BackendCase:
    """A store that a backend of Airflow's reads, or one outside Airflow.

    Subclasses set the attributes that have no value here, and act as a person.
    """

    parallel = True
    names = ANY_NAME
    denied = frozenset({"missing_right"})
    checks_rights = True
    writer = ""
    outside = ("", "")
    """What stands before and after a name in the URI of a secret outside Airflow."""
    way: Way
    form: Form
    backend: Any

    def __init__(self) -> None:
        self.keeps_beside = "owned by the data team" if self.form.note else None
        self.has_fields = not self.form.is_connection and self.form.key is not None
        self.forget_clients()

    def forget_clients(self) -> None:
        """Have the next store that is opened log in anew."""
        self._stores, self._clients = StoreFactory(issuer=ISSUER), ClientCache()

    def open(self, name: str) -> SecretStore:
        if self.way in {"outside", "field"}:
            return self._stores.open(quote(name).join(self.outside))
        kind: Any = "variable" if self.way == "variable" else "connection"
        destination = Destination("airflow", kind, name, conn_id=self.writer if self.way == "writer" else None)
        assert Destination.parse(str(destination)) == destination
        return store_on(self.backend, destination, issuer=ISSUER, clients=self._clients)

    def put(self, name: str, key: str, beside: str | None = None) -> None:
        self.set(name, self.form.content(key, beside))

    def put_foreign(self, name: str) -> None:
        self.set(name, self.form.foreign())

    def beside(self, name: str) -> str | None:
        found: str | None = self.get(name)[self.form.note]
        return found

    def consumer(self, name: str) -> str | None:
        if self.way == "variable":
            found: str | None = self.backend.get_variable(name)
            return found
        if self.way in {"connection", "writer"}:
            connection = self.backend.get_connection(name)
            return connection.password if connection else None
        content = self.get(name)
        key: str | None = content.get(self.form.key) if content and self.form.key else content
        return key

    def set(self, name: str, content: Any) -> None:
        """Store a text, or fields, without compare-and-set."""
        raise NotImplementedError

    def get(self, name: str) -> Any:
        """Return the text or the fields, or None."""
        raise NotImplementedError


class LocalCase(BackendCase):
    """A file, read by Airflow's own class."""

    denied = frozenset({"file_rights"})

    def __init__(self, folder: Path, way: Literal["connection", "variable"]) -> None:
        self.way, self.form = way, CONNECTION if way == "connection" else TEXT
        super().__init__()
        self.file = folder / "secrets.json"
        self.file.write_text(json.dumps({"other": "postgres://u:p@db/x" if way == "connection" else "kept"}))
        self.backend = LocalFilesystemBackend(**{f"{way}s_file_path": str(self.file)})

    def deny(self) -> None:
        self.file.parent.chmod(0o555)

    def set(self, name: str, content: Any) -> None:
        self.file.write_text(json.dumps({**json.loads(self.file.read_text()), name: content}))

    def get(self, name: str) -> Any:
        return json.loads(self.file.read_text()).get(name)


class MetastoreCase:
    """The metadata database, through whatever a task reaches it by."""

    # SQLite has one writer at a time, and a task one channel to its supervisor.
    parallel = False
    # The Execution API of dag.test() cannot decode others; the one of a scheduler's task is another.
    names = re.compile(r"[ -~]+") if AIRFLOW_V_3_0_PLUS else ANY_NAME
    denied: frozenset[str] = frozenset()
    checks_rights = False
    keeps_beside: str | None = None
    has_fields = False

    def open(self, name: str) -> SecretStore:
        return store_on(None, Destination("airflow", "variable", name), issuer=ISSUER)

    def put(self, name: str, key: str, beside: str | None = None) -> None:
        from airflow.providers.common.compat.sdk import Variable

        Variable.set(name, key)

    def put_foreign(self, name: str) -> None:
        self.put(name, "two words")

    def beside(self, name: str) -> str | None:
        raise NotImplementedError

    def consumer(self, name: str) -> str | None:
        return get_variable(name)

    def deny(self) -> None:
        raise NotImplementedError


LOCAL_CASES: dict[str, Make] = {
    "json-connection": lambda _, folder: LocalCase(folder, "connection"),
    "json-variable": lambda _, folder: LocalCase(folder, "variable"),
}
METASTORE_CASES: dict[str, Make] = {"metastore-variable": lambda *_: MetastoreCase()}
