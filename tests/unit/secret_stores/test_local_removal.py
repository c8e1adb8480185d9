"""Removal of a key from a secrets file, even when the process is killed."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic.exceptions import SecretStoreDeniedError
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.test_local import OTHERS, open_at, write


def remove(store):
    store.remove(store.read(), permanently=True)
    store.remove_record()


def test_an_invalid_entry_is_named_and_nothing_is_removed(tmp_path):
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"acme": "polytomic://:old@app.polytomic.com", "culprit": {"passwd": "s3cr3t"}}))
    before = file.read_bytes()
    store = open_at(file)
    with because("backend_cannot_read") as caught:
        store.remove(store.read(), permanently=True)
    assert "s3cr3t" not in str(caught.value)
    assert file.read_bytes() == before


class Remembering(LocalFilesystemBackend):
    """A subclass that caches what it reads."""

    def get_connection(self, conn_id, *args, **kwargs):
        remembered = self.__dict__.setdefault("remembered", {})
        remembered[conn_id] = super().get_connection(conn_id, *args, **kwargs) or remembered.get(conn_id)
        return remembered[conn_id]


def test_an_entry_that_a_caching_subclass_would_still_find_stays(tmp_path):
    store = open_at(tmp_path / "connections.json", backend=Remembering)
    write(store)
    store.read_back()
    with because("backend_looks_elsewhere"):
        store.remove(store.read(), permanently=True)
    assert store.read().value is not None


@pytest.fixture
def unprivileged():
    """Return a function that drops root's rights, because root ignores file modes."""
    root = os.geteuid() == 0
    yield lambda: os.seteuid(65534) if root else None
    if root:
        os.seteuid(0)


@pytest.mark.parametrize("denied", ["folder", "file", "records"])
def test_without_the_right_to_remove_everything_nothing_is_removed(open_folder, unprivileged, denied):
    file = open_folder / "connections.json"
    store = open_at(file)
    write(store)
    store.write_record({"state": "done"})
    records = open_folder / "connections.json.polytomic-issuance"
    for path in (file, open_folder / ".connections.json.polytomic-lock", *records.iterdir()):
        path.chmod(0o666)
    records.chmod(0o777)
    {"folder": open_folder, "file": file, "records": records}[denied].chmod(0o555)
    stored = store.read()
    unprivileged()
    with because("file_rights", SecretStoreDeniedError):
        store.remove(stored, permanently=True)
    assert store.read().version == stored.version


def killed_after(steps, act):
    """Run an act in a child process, kill it after this number of file operations, and return whether it was killed."""
    child = os.fork()
    if child == 0:
        left = iter(range(steps))

        def step(event, _):
            if event in {"open", "os.rename", "os.remove"} and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(step)
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_kill_anywhere_leaves_a_file_that_airflow_reads_and_a_removal_that_can_be_finished(tmp_path):
    file = tmp_path / "connections.json"
    seen = set()
    for steps in range(100):
        file.write_text(json.dumps(OTHERS))
        store = open_at(file)
        write(store)
        store.write_record({"state": "done"})
        killed = killed_after(steps, lambda: remove(open_at(file)))
        seen.add((store.read_back() is None, store.read_record() is None))
        assert LocalFilesystemBackend(connections_file_path=str(file)).get_connection("one of a list") is not None
        remove(store)
        assert json.loads(file.read_text()) == OTHERS
        assert not [path for path in tmp_path.rglob("*new*") if path.is_file()]
        if not killed:
            break
    assert not killed
    assert seen == {(False, False), (True, False), (True, True)}
