"""Errors of the file system, translated by their number."""

from __future__ import annotations

import errno

from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)

__all__ = ["explain"]

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISCONFIGURED = {
    errno.EBUSY, errno.EXDEV, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO,
}  # fmt: skip


def explain(error: OSError, *, setting: str, records: str) -> SecretStoreError:
    """Return what to raise instead of an error of the file system.

    :param setting: the backend's argument that names the file.
    :param records: the name of the folder of records.
    """
    what = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
    if error.errno in _DENIED:
        return SecretStoreDeniedError(
            f"{what}. Nothing was changed. Allow this user to write the file, its folder and {records}.",
            reason="file_rights",
        )
    if error.errno in _MISCONFIGURED:
        return SecretStoreConfigurationError(
            f"{what}. Nothing was changed. Correct the backend's {setting}, or create the folder.",
            reason="file_path",
            fields=[setting],
        )
    return SecretStoreUnavailableError(
        f"{what}. Whether the file was changed is not known. A retry reads it again. If the error persists, check the "
        "disk.",
        reason="no_answer",
    )
