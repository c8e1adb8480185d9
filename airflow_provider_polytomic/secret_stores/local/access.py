"""Who may use a secrets file: its mode, owner, ACL and extended attributes, and files not to be replaced."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["copy_access", "describe_exposure", "read_file", "refuse_hard_link", "refuse_irregular_file"]

_ACL = "system.posix_acl_access"
# Those of other namespaces belong to one file system, such as "btrfs." and "lustre.", and say nothing about access.
_KEPT = ("system.", "user.", "security.", "trusted.")
# The kernel's hashes of the content, which it renews itself.
_OF_THE_KERNEL = {"security.ima", "security.evm"}
_NOT_SUPPORTED = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_TYPES = {
    stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}  # fmt: skip


def refuse_irregular_file(path: Path) -> None:
    """Refuse a FIFO, socket, device or folder without opening it: to open a FIFO blocks. A missing file is allowed.

    :raises SecretStoreConfigurationError: if the path is not a regular file.
    """
    with suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise SecretStoreConfigurationError(
                f"{path} is {_TYPES.get(stat.S_IFMT(mode), 'not a file')}, not a regular file. It was not opened, and "
                "nothing was changed. Replace it by a regular file, or configure the backend with another path.",
                reason="not_a_file",
            )


def read_file(path: Path) -> bytes:
    """Return the content of a regular file.

    :raises SecretStoreConfigurationError: if it is anything else.
    :raises FileNotFoundError: if there is none.
    """
    refuse_irregular_file(path)
    # Not blocking, in case a FIFO takes the file's place just now.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        return file.read()


def refuse_hard_link(path: Path) -> None:
    """Refuse a file with several names: a rename replaces one of them, and readers of the others keep the old key.

    :raises SecretStoreConfigurationError: if the file has more than one name.
    """
    with suppress(FileNotFoundError):
        if (names := path.stat().st_nlink) > 1:
            new, old = shlex.quote(f"{path}.copy"), shlex.quote(str(path))
            raise SecretStoreConfigurationError(
                f"{path} has {names} names (hard links). A write replaces the file under this name only, so readers of "
                "another name would keep a revoked key. Nothing was changed. Replace other names that programs read by "
                f"symbolic links. Then separate this file from the rest: cp -a {old} {new} && mv {new} {old}",
                reason="hard_link",
            )


def describe_exposure(path: Path) -> str | None:
    """Return which users besides the owner may read or write a file; None if none may, or there is no file.

    The mode includes an ACL: its mask is the mode of the group.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    rights = [
        f"{'its group' if shift else 'all users'} may {' and '.join(verbs)} it"
        for shift in (3, 0)
        if (verbs := [verb for bit, verb in ((4, "read"), (2, "write")) if mode >> shift & bit])
    ]
    return f"{', '.join(rights)} (mode {stat.S_IMODE(mode):04o})" if rights else None


def copy_access(source: Path, handle: int) -> None:
    """Give an open new file the owner, ACL, extended attributes and mode of the file that it is to replace.

    :param source: if it does not exist, nothing is copied.
    :raises PermissionError: if one of them that decides about access cannot be kept.
    """
    try:
        before = source.stat()
    except FileNotFoundError:
        return
    # Only root may give a file away; a member of a group may give it to that group. The mode comes after the owner, so
    # that nobody else can read the file before.
    with suppress(PermissionError):
        os.fchown(handle, before.st_uid if os.geteuid() == 0 else -1, before.st_gid)
    if os.fstat(handle).st_gid != before.st_gid:
        what = "its group cannot be kept, so others would lose the right to read it"
        raise PermissionError(errno.EPERM, what, str(source))
    _copy_attributes(source, handle)
    mode = stat.S_IMODE(before.st_mode)
    if stat.S_IMODE(os.fstat(handle).st_mode) != mode:  # a file system may change an ACL of NFSv4 whenever it is set
        os.fchmod(handle, mode)


def _copy_attributes(source: Path, handle: int) -> None:
    """Copy ACL and extended attributes. The ACL precedes the mode, which includes the ACL's mask."""
    attributes, inherited = _read_attributes(source), _read_attributes(handle)
    if _ACL in inherited and _ACL not in attributes:
        # From the folder's default ACL. With it, the mode of the group would be a mask for the users that it names.
        os.removexattr(handle, _ACL)
    for name, value in attributes.items():
        if inherited.get(name) == value:
            continue
        try:
            os.setxattr(handle, name, value)
        except OSError as error:
            if name.startswith(_KEPT):
                what = f"its {'ACL' if name == _ACL else f'extended attribute {name}'} cannot be kept"
                raise PermissionError(errno.EPERM, f"{what} ({error.strerror})", str(source)) from None


def _read_attributes(file: Path | int) -> dict[str, bytes]:
    if not hasattr(os, "listxattr"):  # Linux only
        return {}
    try:
        names = os.listxattr(file)
    except OSError as error:
        if error.errno in _NOT_SUPPORTED:
            return {}
        raise
    return {name: os.getxattr(file, name) for name in names if name not in _OF_THE_KERNEL}
