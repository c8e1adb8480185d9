"""The store of ``docs/write-a-store.md`` works unchanged: registered, held to the contract, and used by a task."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores import Destination
from airflow_provider_polytomic.secret_stores.extension import StoreBackend
from airflow_provider_polytomic.secret_stores.factory import store_on
from airflow_provider_polytomic.secret_stores.registry import ENTRY_POINT_GROUP
from airflow_provider_polytomic.testing.store_contract import StoreContract
from tests.docs.pages import blocks, codes, page_text, rows
from tests.docs.snippets_as_dags import piece
from tests.unit.secret_stores.registered import forget_entry_points, install_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.docs.pages import Block
    from tests.fixtures import Scene

    Context = Callable[..., dict[str, Any]]

PAGE = "docs/write-a-store.md"
CONNECTION = "AIRFLOW_CONN_ACME_SECRETS"


def the_block(language: str, note: str) -> Block:
    (block,) = (block for block in blocks(language, note) if block.page == PAGE)
    return block


def entry_points(note: str) -> dict[str, str]:
    project = tomllib.loads(the_block("toml", note).content)["project"]
    points: dict[str, str] = project["entry-points"][ENTRY_POINT_GROUP]
    return points


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package of the page, installed in a folder."""
    folder = tmp_path / "site-packages"
    install_distribution(folder, "acme-store", entry_points("registration"))
    (folder / "acme_store.py").write_text(the_block("python", "store").runnable)
    return folder


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package of the page, installed for this process."""
    forget_entry_points(monkeypatch)
    monkeypatch.syspath_prepend(package)
    yield package
    sys.modules.pop("acme_store", None)


def test_the_store_of_the_page_passes_the_contract(package: Path, tmp_path: Path):
    (tmp_path / "test_store.py").write_text(the_block("python", "store-contract").content)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_store.py"],
        env=os.environ
        | {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(package), *sys.path])),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(re.findall(r"^SKIPPED .*: (.*)$", run.stdout, re.MULTILINE)) == {
        "in this store the secret is the key alone",
        "in this store the whole secret is removed",
    }
    assert re.search(r"^(2[5-9]|[3-9]\d) passed, 2 skipped", run.stdout, re.MULTILINE)


def test_a_task_stores_a_key_in_it_and_the_hook_reads_it(
    installed: Path, scene: Scene, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import acme_store  # type: ignore[import-not-found]

    file = tmp_path / "secrets.db"
    monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "sqlite", "host": str(file)}))
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(acme_store.TABLE)
    block = the_block("python", "store-task")
    (operator,) = piece(block.about(scene.ids), block.place, tmp_path).tasks
    for _ in range(2):  # the second keeps the key
        operator.execute(context())
    with closing(sqlite3.connect(file)) as database:
        ((name, value, record),) = database.execute("SELECT name, value, record FROM secrets")
    assert (name, value) == ("acme_api_key", scene.emulator.live_key(scene.user.id))
    assert json.loads(record)["state"] == "done"
    assert len(scene.posts) == 1
    ((uri, server),) = re.findall(r'for_destination\("(.*?)", server="(.*?)"\)', page_text(PAGE))
    assert PolytomicHook.for_destination(uri, server=server).get_identity().email == scene.user.email


def test_a_secrets_backend_is_registered_by_the_path_of_its_class(
    package: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
):
    module = ModuleType("acme_vault")
    backend_class = type("AcmeBackend", (), {"__module__": "acme_vault"})
    module.__dict__["AcmeBackend"] = backend_class
    monkeypatch.setitem(sys.modules, "acme_vault", module)
    import acme_store

    opened = []

    def open_on_backend(backend: Any, destination: Destination, *, issuer: str, clients: Any) -> Any:
        opened.append((backend, destination, issuer))
        return acme_store.SqliteStore("secrets.db", destination.name)

    monkeypatch.setattr(acme_store, "BACKEND", StoreBackend(open=open_on_backend), raising=False)
    install_distribution(package, "acme-vault", entry_points("backend"))
    backend, destination = backend_class(), Destination.parse("airflow://connection/acme_polytomic")
    store = store_on(backend, destination, issuer="https://app.polytomic.com")
    assert store.place == "secret acme_polytomic in secrets.db"
    assert opened == [(backend, destination, "https://app.polytomic.com")]


def test_the_table_lists_every_member_that_a_test_class_can_set():
    listed = {re.sub(r"\(.*", "", code) for row in rows(PAGE, "Test it") for code in codes(row[0])}
    helpers = {"name", "check_empty", "check_hidden", "read_key", "read_key_back"}
    assert listed == {name for name in dir(StoreContract) if not name.startswith(("_", "test_"))} - helpers
    required = {codes(row[0])[0] for row in rows(PAGE, "Test it") if row[2] == "you implement it"}
    for member in required:
        with pytest.raises(NotImplementedError):
            getattr(StoreContract(), re.sub(r"\(.*", "", member))(*[""] * (member.count(",") + 1))
