"""Atomic change of a file: written beside it, synced, renamed, so that readers see the old or the new content."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_polytomic.secret_stores.local.access import copy_access

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "check_writable",
    "is_mount_point",
    "lock_file",
    "remove_file",
    "replace_file",
    "scratch_file",
    "stage_file",
]

_LOCK_TIMEOUT = 30.0  # seconds; a holder needs milliseconds
_LOCK_PAUSE = 0.01


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on this (empty) file, which is created if necessary and never removed.

    ``flock`` is released by the kernel when its holder dies, so nothing has to be cleaned up after a crash.

    :raises TimeoutError: (an OSError) if another process holds it for longer than any write takes.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + _LOCK_TIMEOUT
        while not _try_lock(handle):
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process holds the lock for more than {_LOCK_TIMEOUT:.0f} s")
            time.sleep(_LOCK_PAUSE)
        yield
    finally:
        os.close(handle)


@contextmanager
def stage_file(target: Path, content: bytes, *, at: Path) -> Iterator[Path]:
    """Write the content to ``at``, which gets the target's access; remove it if it does not replace the target.

    :param at: in the target's folder; overwritten if a killed process left it behind. A new file has mode 0600.
    """
    at.unlink(missing_ok=True)
    try:
        handle = os.open(at, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            copy_access(target, handle)
            os.fsync(handle)
        yield at
    finally:
        at.unlink(missing_ok=True)


@contextmanager
def scratch_file(target: Path, content: bytes, *, lock: Path) -> Iterator[Path]:
    """Write the content to a file of this call alone, beside the target, and remove it at the end.

    It is locked itself, so those that killed processes left behind are recognised, and removed.

    :param lock: the target's lock, held only while the file is created.
    """
    prefix = f".{target.stem}.polytomic-new-"
    at = target.with_name(f"{prefix}{secrets.token_hex(8)}{target.suffix}")
    with lock_file(lock):
        _remove_abandoned(target.parent, prefix)
        handle = os.open(at, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        _try_lock(handle)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            yield at
    finally:
        at.unlink(missing_ok=True)


def replace_file(at: Path, target: Path) -> None:
    """Rename a file to its target, and sync the folder, so that the rename survives a power cut."""
    at.replace(target)
    _sync(target.parent)


def remove_file(file: Path) -> None:
    """Remove a file, and sync the folder; a missing file is no error."""
    with suppress(FileNotFoundError, NotADirectoryError):
        file.unlink()
        _sync(file.parent)


def check_writable(file: Path, record: Path) -> None:
    """Check the rights that a rename alone does not need, and whether a rename can replace the file at all.

    :param record: in a folder of its own.
    :raises OSError: if one of them is read-only for this user, mounted by itself, or in a sticky folder.
    """
    for path, mode in (
        (file, os.R_OK | os.W_OK),
        (record, os.R_OK | os.W_OK),
        (record.parent, os.W_OK | os.X_OK),
    ):
        if path.exists() and not os.access(path, mode, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, "not writable for this user", str(path))
    if is_mount_point(file):
        what = "it is mounted by itself; mount its folder, so that it can be replaced"
        raise OSError(errno.EBUSY, what, str(file))
    folder, user = file.parent.stat(), os.geteuid()
    owners = {0, folder.st_uid, file.stat().st_uid if file.exists() else user}
    if folder.st_mode & stat.S_ISVTX and user not in owners:
        raise PermissionError(errno.EACCES, "in a sticky folder only the owner may replace it", str(file))


def is_mount_point(path: Path) -> bool:
    """Whether this very file is mounted, as in containers: it can be written, but not replaced by a rename."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return False
    # Field 5, with blanks and the like in octal (proc(5)).
    points = (line.split(" ")[4] for line in mounts.splitlines() if line.count(" ") > 4)  # noqa: PLR2004 (field 5)
    return str(path) in {re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point) for point in points}


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_abandoned(folder: Path, prefix: str) -> None:
    """Remove the files of these names that no process has locked, as far as this user may."""
    names: list[str] = []
    with suppress(PermissionError):
        names = [name for name in os.listdir(folder) if name.startswith(prefix)]  # noqa: PTH208 (names only)
    for path in map(folder.joinpath, names):
        with suppress(OSError):
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if _try_lock(handle):
                    path.unlink()
            finally:
                os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
