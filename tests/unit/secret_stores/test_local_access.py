"""Who may read a secrets file stays as it is when a key is written, and files that cannot be replaced are refused."""

from __future__ import annotations

import errno
import json
import logging
import os
import shlex
import socket
import stat
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic.exceptions import SecretStoreDeniedError
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import ClientCache, store_on
from airflow_provider_polytomic.secret_stores.local import access
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.test_local import KEY, open_at, write

if TYPE_CHECKING:
    from collections.abc import Callable

ACL = "system.posix_acl_access"
DEFAULT_ACL = "system.posix_acl_default"
OWNER, USER, GROUP, MASK, OTHERS = 1, 2, 4, 16, 32
NOBODY = 0xFFFFFFFF
# One more user may read; the group may not, although the mode of a file with this ACL is 0640.
ENTRIES = ((OWNER, 6, NOBODY), (USER, 4, 1234), (GROUP, 0, NOBODY), (MASK, 4, NOBODY), (OTHERS, 0, NOBODY))


def acl(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def attributes(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


@pytest.fixture
def secrets_file(tmp_path):
    """Return an empty secrets file on a file system that has ACLs and extended attributes."""
    problem = "this Python has no os.setxattr"
    for parent in (tmp_path, Path(__file__).parents[3]):
        with tempfile.TemporaryDirectory(prefix=".acl-", dir=parent) as folder:
            file = Path(folder, "connections.json")
            file.write_text("{}")
            file.chmod(0o600)
            try:
                os.setxattr(file, ACL, acl(*ENTRIES))
                os.setxattr(file, "user.probe", b"")
            except (AttributeError, OSError) as error:
                problem = str(error)
                continue
            os.removexattr(file, ACL)
            os.removexattr(file, "user.probe")
            file.chmod(0o600)
            yield file
            return
    pytest.skip(f"no file system with ACLs and extended attributes: {problem}")


def remove(store):
    store.remove(store.read(), permanently=True)


@pytest.mark.parametrize("act", [write, lambda store: (write(store), remove(store))], ids=["write", "remove"])
def test_an_acl_stays_and_the_group_gets_no_right_of_its_mask(secrets_file, act):
    os.setxattr(secrets_file, ACL, acl(*ENTRIES))
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o640
    act(open_at(secrets_file))
    assert attributes(secrets_file) == {ACL: acl(*ENTRIES)}
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o640


def test_a_default_acl_of_the_folder_gives_nobody_a_right_to_a_file_without_an_acl(secrets_file):
    os.setxattr(secrets_file.parent, DEFAULT_ACL, acl(*ENTRIES))
    secrets_file.chmod(0o640)
    write(open_at(secrets_file))
    assert attributes(secrets_file) == {}
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o640


def test_in_a_folder_with_a_default_acl_new_files_are_for_their_owner_only(secrets_file):
    os.setxattr(secrets_file.parent, DEFAULT_ACL, acl(*ENTRIES))
    secrets_file.unlink()
    store = open_at(secrets_file)
    write(store)
    store.write_record({"state": "done"})
    files = [path for path in secrets_file.parent.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}  # the mask allows nothing


def test_extended_attributes_stay(secrets_file):
    names = ["user.backup", *(["trusted.owner", "security.note"] if os.geteuid() == 0 else [])]
    for name in names:
        os.setxattr(secrets_file, name, b"\x00value")
    write(open_at(secrets_file))
    assert attributes(secrets_file) == dict.fromkeys(names, b"\x00value")


def test_a_record_keeps_its_attributes_too(secrets_file):
    store = open_at(secrets_file)
    store.write_record({"state": "open"})
    record = secrets_file.with_name("connections.json.polytomic-issuance") / "connection.acme.json"
    os.setxattr(record, "user.backup", b"no")
    store.write_record({"state": "done"})
    assert attributes(record) == {"user.backup": b"no"}


@pytest.mark.parametrize(("name", "shown"), [(ACL, "its ACL"), ("user.x", "its extended attribute user.x")])
def test_what_cannot_be_kept_refuses_the_write_before_any_change(secrets_file, monkeypatch, name, shown):
    os.setxattr(secrets_file, name, acl(*ENTRIES) if name == ACL else b"x")

    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "setxattr", refuse)
    store = open_at(secrets_file)
    with because("file_rights", SecretStoreDeniedError) as caught:
        store.check_write(store.read())
    assert f"{shown} cannot be kept" in str(caught.value)
    assert secrets_file.read_text() == "{}"
    assert {path.name for path in secrets_file.parent.iterdir()} == {"connections.json", store._lock_file.name}


def test_attributes_that_the_kernel_or_a_file_system_keeps_for_itself_refuse_nothing(secrets_file, monkeypatch):
    given = {"security.ima": b"hash", "btrfs.compression": b"zstd"}
    monkeypatch.setattr(os, "listxattr", lambda file: list(given) if file == secrets_file else [])
    monkeypatch.setattr(os, "getxattr", lambda _, name: given[name])
    tried = []

    def refuse(_, name, __):
        tried.append(name)
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "setxattr", refuse)
    write(open_at(secrets_file))
    assert set(tried) == {"btrfs.compression"}


@pytest.mark.parametrize("case", ["macOS", "no attributes"])
def test_a_system_without_extended_attributes_is_served(tmp_path, monkeypatch, case):
    def not_supported(_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    if case == "macOS":
        monkeypatch.delattr(os, "listxattr", raising=False)
    else:
        monkeypatch.setattr(os, "listxattr", not_supported, raising=False)
    file = tmp_path / "connections.json"
    file.write_text("{}")
    file.chmod(0o640)
    write(open_at(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("mode", "rights"),
    [
        (0o640, "its group may read it (mode 0640)"),
        (0o604, "all users may read it (mode 0604)"),
        (0o666, "its group may read and write it, all users may read and write it (mode 0666)"),
        (0o620, "its group may write it (mode 0620)"),
        (0o600, None),
        (0o711, None),
    ],
)
def test_a_file_that_others_may_read_is_reported_once_a_task_with_what_to_do(tmp_path, caplog, mode, rights):
    file = tmp_path / "it's connections.json"
    file.write_text("{}")
    file.chmod(mode)
    backend, clients = LocalFilesystemBackend(connections_file_path=str(file)), ClientCache()
    with caplog.at_level(logging.WARNING):
        for name in ("acme", "globex"):
            destination = Destination.parse(f"airflow://connection/{name}")
            store = store_on(backend, destination, issuer="https://app.polytomic.com", clients=clients)
            store.write_record({})
            store.check_write(store.read())
            store.write(KEY, store.read())
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider_polytomic")]
    if rights is None:
        assert logged == []
        return
    (message,) = logged
    assert message.startswith(f"{file}: {rights}.\n")
    command = message.partition("run: ")[2]
    subprocess.run(shlex.split(command), check=True)
    assert access.describe_exposure(file) is None


def test_the_advice_also_withdraws_what_an_acl_allows(secrets_file):
    os.setxattr(secrets_file, ACL, acl(*ENTRIES))
    assert access.describe_exposure(secrets_file) == "its group may read it (mode 0640)"
    secrets_file.chmod(0o600)
    assert (MASK, 0, NOBODY) in struct.iter_unpack("<HHI", os.getxattr(secrets_file, ACL)[4:])


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


IRREGULAR: dict[str, Callable[[Path], None]] = {
    "a FIFO": fifo,
    "a socket": unix_socket,
    "a device": device,
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("is_linked", [False, True], ids=["itself", "link"])
@pytest.mark.parametrize("what", IRREGULAR)
def test_what_is_no_regular_file_is_refused_and_never_opened(open_folder, monkeypatch, what, is_linked):
    path = file = open_folder / "a.json"
    IRREGULAR[what](path)
    if is_linked:
        file = open_folder / "link.json"
        file.symlink_to(path)
    store = open_at(file)
    for act in (store.read, store.read_back):
        with monkeypatch.context() as patch, because("not_a_file") as caught:
            patch.setattr(os, "open", lambda *_, **__: pytest.fail("it is opened"))
            patch.setattr(LocalFilesystemBackend, "get_connection", lambda *_: pytest.fail("Airflow opens it"))
            act()
        assert f"{path} is {what}, not a regular file" in str(caught.value)


def test_a_record_that_is_a_fifo_is_refused_and_never_opened(tmp_path):
    store = open_at(tmp_path / "connections.json")
    store.write_record({"state": "open"})
    (record,) = (tmp_path / "connections.json.polytomic-issuance").iterdir()
    record.unlink()
    os.mkfifo(record)
    with because("not_a_file"):
        store.read_record()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    store = open_at(tmp_path / "connections.json")
    (tmp_path / ".connections.json.polytomic-lock").symlink_to(elsewhere)
    with because("file_path"):
        store.check_write(store.read())
    assert not elsewhere.exists()


def test_a_hard_link_is_refused_before_any_change_because_its_readers_would_keep_a_revoked_key(tmp_path):
    folder = tmp_path / "it's here"
    folder.mkdir()
    file, other = folder / "connections.json", tmp_path / "other.json"
    file.write_text(json.dumps({"acme": "polytomic://:old@app.polytomic.com"}))
    file.chmod(0o640)
    os.link(file, other)
    store = open_at(file)
    for act in (lambda: store.check_write(store.read()), lambda: remove(store)):
        with because("hard_link") as caught:
            act()
        assert f"{file} has 2 names (hard links)" in str(caught.value)
    assert file.stat().st_ino == other.stat().st_ino
    command = str(caught.value).partition("from the rest: ")[2]
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    write(store)
    assert store.read_back().matches(KEY)
    assert "old" in other.read_text()


def test_a_key_that_is_issued_already_is_stored_even_if_a_hard_link_was_made_meanwhile(tmp_path):
    file = tmp_path / "connections.json"
    file.write_text("{}")
    store = open_at(file)
    store.check_write(store.read())
    os.link(file, tmp_path / "backup.json")
    store.write(KEY, store.read())
    assert store.read_back().matches(KEY)
