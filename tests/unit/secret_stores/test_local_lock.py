"""While the lock of a secrets file is held, the backend is not called, because Airflow's log masking can be slow."""

from __future__ import annotations

import fcntl
import functools
import json
import os
from contextlib import contextmanager

import pytest
from airflow.models.connection import Connection
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import store_on
from airflow_provider_polytomic.secret_stores.local import atomic_file, store
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.test_local import KEY, open_at

ACTS = {
    "check": lambda store: store.check_write(store.read()),
    "write": lambda store: store.write(KEY, store.read()),
    "remove": lambda store: store.remove(store.read(), permanently=True),
}


@pytest.fixture
def calls(monkeypatch):
    """Count connections that Airflow makes, each of which it masks, with and without a lock."""
    counts, held = {"locked": 0, "unlocked": 0}, []
    lock_file, init = atomic_file.lock_file, Connection.__init__

    @contextmanager
    def lock(path):
        with lock_file(path):
            held.append(path)
            try:
                yield
            finally:
                held.pop()

    @functools.wraps(init)  # Airflow reads its signature
    def make(self, *args, **kwargs):
        counts["locked" if held else "unlocked"] += 1
        init(self, *args, **kwargs)

    monkeypatch.setattr(store, "lock_file", lock)
    monkeypatch.setattr(atomic_file, "lock_file", lock)
    monkeypatch.setattr(Connection, "__init__", make)
    return counts


# As this package writes it. Airflow parses an entry that is a URI, and so masks it, when it is read before the lock.
ACME = {"conn_type": "polytomic", "host": "https://app.polytomic.com", "password": "old-key"}


def entries(count):
    return {f"c{number}": f"polytomic://:key-{number}@app.polytomic.com" for number in range(count)} | {"acme": ACME}


@pytest.mark.parametrize("act", ACTS)
def test_airflow_reads_and_masks_nothing_while_the_lock_is_held(tmp_path, calls, act):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(entries(20)))
    ACTS[act](open_at(file))
    assert calls["locked"] == 0
    assert calls["unlocked"] >= 21, "all have been read before"


@pytest.mark.parametrize("kind", ["connection", "variable"])
@pytest.mark.parametrize("act", ACTS)
def test_the_backend_is_not_called_while_the_lock_is_held(tmp_path, act, kind):
    """A backend that takes the lock itself proves it."""

    class Locking(LocalFilesystemBackend):
        def _lock(self):
            handle = os.open(tmp_path / ".s.json.polytomic-lock", os.O_RDWR | os.O_CREAT)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(handle)

        def get_connection(self, *args, **kwargs):
            self._lock()
            return super().get_connection(*args, **kwargs)

        def get_variable(self, *args, **kwargs):
            self._lock()
            return super().get_variable(*args, **kwargs)

    file = tmp_path / "s.json"
    file.write_text(json.dumps(entries(2)))
    ACTS[act](open_at(file, Destination.parse(f"airflow://{kind}/acme"), Locking))


def test_between_issuing_and_storing_a_key_the_backend_is_not_asked_again(tmp_path, calls):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(entries(20)))
    opened = open_at(file)
    stored = opened.read()
    opened.check_write(stored)
    before = dict(calls)
    opened.write(KEY, stored)
    assert calls == before


def test_an_entry_that_changed_since_the_check_is_tried_again(tmp_path, calls):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(entries(2)))
    opened = open_at(file)
    opened.check_write(opened.read())
    file.write_text(json.dumps({**entries(2), "acme": {**ACME, "password": "other-key"}}))
    before = calls["unlocked"]
    opened.write(KEY, opened.read())
    assert calls["unlocked"] > before


def test_the_file_for_the_backends_trial_has_no_other_secret_and_is_for_its_owner_only(tmp_path, monkeypatch):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(entries(2)))
    file.chmod(0o644)
    seen: list[tuple[int, dict[str, object]]] = []
    read = LocalFilesystemBackend.get_connection

    def spy(self, *args, **kwargs):
        trials = tmp_path.glob(".connections.polytomic-new-*.json")
        seen.extend((path.stat().st_mode & 0o777, json.loads(path.read_text())) for path in trials)
        return read(self, *args, **kwargs)

    monkeypatch.setattr(LocalFilesystemBackend, "get_connection", spy)
    opened = open_at(file)
    opened.write(ApiKey("the-new-key"), opened.read())
    assert [(mode, list(content)) for mode, content in seen] == [(0o600, ["acme"])]
    assert "placeholder-of-a-polytomic-key" in str(seen)
    assert not any(secret in str(seen) for secret in ("key-0", "key-1", "old-key", "the-new-key"))


def test_trial_files_of_killed_processes_are_removed_and_those_of_living_ones_stay(tmp_path):
    file = tmp_path / "connections.json"
    left = tmp_path / ".connections.polytomic-new-0123456789abcdef.json"
    left.write_text("{}")
    with atomic_file.scratch_file(file, b"{}", lock=tmp_path / "lock") as living:
        assert not left.exists()
        with atomic_file.scratch_file(file, b"{}", lock=tmp_path / "lock") as second:
            assert living.exists()
            assert second != living
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_file_that_becomes_unreadable_for_airflow_is_refused_at_the_check(tmp_path):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({**entries(1), "culprit": 5}))
    opened = store_on(
        LocalFilesystemBackend(connections_file_path=str(file)),
        Destination.parse("airflow://connection/acme"),
        issuer="https://app.polytomic.com",
    )
    with because("backend_cannot_read") as caught:
        opened.check_write(opened.read())
    assert "culprit" in str(caught.value)
