"""A file that cannot be replaced safely is refused before any request to Polytomic."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_polytomic.secret_stores.local.atomic_file import is_mount_point

ROOT = Path(__file__).parents[3]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount, and become another user")

MOUNTED = """
import sys
from airflow.secrets.local_filesystem import LocalFilesystemBackend
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import store_on
backend = LocalFilesystemBackend(connections_file_path=sys.argv[1])
store = store_on(backend, Destination.parse("airflow://connection/acme"), issuer="https://app.polytomic.com")
try:
    store.check_write(store.read())
except SecretStoreConfigurationError as error:
    print("REFUSED", error)
"""
OTHER_GROUP = """
import os, sys
from pathlib import Path
from airflow_provider_polytomic.secret_stores.local.atomic_file import stage_file
os.setgroups([]); os.setgid(65534); os.setuid(65534)
target = Path(sys.argv[1])
try:
    with stage_file(target, b"{}", at=target.with_name("new")):
        pass
except PermissionError as error:
    print("REFUSED", error)
"""


def said_by(script: str, *arguments: str, before: tuple[str, ...] = ()) -> str:
    command = [*before, sys.executable, "-c", script, *arguments]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=ROOT).stdout


def test_a_mount_point_is_distinguished_from_an_ordinary_file(tmp_path: Path) -> None:
    ordinary = tmp_path / "connections.json"
    ordinary.write_text("{}")
    assert not is_mount_point(ordinary)
    if Path("/proc/self/mountinfo").exists():
        assert is_mount_point(Path("/proc"))


@AS_ROOT
def test_a_file_that_is_mounted_by_itself_is_refused(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, to mount where nobody else sees it")
    file = tmp_path / "connections with blank.json"
    file.write_text("{}")
    mount = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && exec "$@"', str(file))
    if said_by("print('may mount')", before=mount) == "":
        pytest.skip("this machine lets nobody mount")
    assert "mounted by itself; mount its folder" in said_by(MOUNTED, str(file), before=mount)
    assert "REFUSED" not in said_by(MOUNTED, str(file))
    assert file.read_text() == "{}"


@AS_ROOT
def test_a_file_whose_group_would_be_lost_is_refused(open_folder: Path) -> None:
    file = open_folder / "connections.json"
    file.write_text("{}")
    os.chown(file, -1, 50002)
    file.chmod(0o666)
    assert "its group cannot be kept" in said_by(OTHER_GROUP, str(file))
    assert [path.name for path in open_folder.iterdir()] == ["connections.json"]
