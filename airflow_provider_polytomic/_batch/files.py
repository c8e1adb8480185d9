"""Files of a batch that Airflow's ObjectStoragePath can open; each address is checked first."""

from __future__ import annotations

import os
import re
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_polytomic._airflow.object_storage import is_missing_connection, open_file
from airflow_provider_polytomic._support.text import one_line
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicError,
    SecretStoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RemoteFile"]

# Both are files of this machine to fsspec.
_LOCAL = frozenset({"file", "local"})
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<conn_id>[^/]*)@)?(?P<rest>.*)", re.DOTALL)
_MAX_SHOWN = 200  # characters
_MAX_ADVICE = 600  # of an ImportError, which ends with what to install
# Bytes of a file being written that s3fs keeps in memory; its default is 50 MiB, and S3 accepts no smaller part.
_BLOCK = 5 * 2**20
# Errors that persist until someone acts; a retry may fix any other.
_PERSISTENT_ERRORS = (
    FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ImportError, ValueError,
)  # fmt: skip


class RemoteFile:
    """Address of one file: an absolute path, or a URI such as ``s3://<conn_id>@<bucket>/<key>``.

    :param parameter: name of the parameter, for errors.
    :param address: the value that the DAG passes.
    :raises PolytomicConfigurationError: if the address is invalid; no file was opened.
    """

    def __init__(self, parameter: str, address: object) -> None:
        self._parameter = parameter
        self.address = address if isinstance(address, str) else ""
        if problem := _problem(address):
            raise PolytomicConfigurationError(
                f"{parameter} {problem}.",
                (
                    "Allowed: an absolute path, or a URI that Airflow's ObjectStoragePath can open, such as "
                    "file:///data/targets.jsonl or s3://<conn_id>@<bucket>/targets.csv."
                ),
                reason="not_an_address",
                fields=[parameter],
            )
        # Without the query, which can contain a signature.
        self._shown = one_line(self.address.partition("?")[0], _MAX_SHOWN)

    def __str__(self) -> str:
        """Return the address in the form that is safe to log."""
        return self._shown

    @contextmanager
    def open(self, mode: Literal["rb", "wb"]) -> Iterator[Any]:
        """Open the file, and close it at the end.

        :raises PolytomicError: if it cannot be opened or closed. For errors in between, use :meth:`translate_errors`.
        """
        with self.translate_errors(mode):
            file = self.open_raw(mode)
        try:
            yield file
        finally:
            with self.translate_errors(mode):
                file.close()

    def open_raw(self, mode: Literal["rb", "wb"]) -> Any:
        """Return the open file; errors are raised unchanged.

        :raises PolytomicConfigurationError: if it is a local FIFO, socket or device: to open a FIFO blocks.
        """
        path = _local_path(self.address)
        if path and _is_special(path):
            raise PolytomicConfigurationError(
                f"{self} ({self._parameter}) is a FIFO, a socket or a device. It was not opened.",
                "Use the path of a regular file.",
                reason="not_a_file",
                fields=[self._parameter],
            )
        options = {"block_size": _BLOCK} if mode == "wb" else {}
        return open_file(self.address, mode, **options)

    @contextmanager
    def translate_errors(self, mode: Literal["rb", "wb"]) -> Iterator[None]:
        """Translate errors of the file system; they name the file and what to do.

        :raises PolytomicConfigurationError: if someone must act before a retry.
        :raises SecretStoreUnavailableError: if a retry may succeed.
        """
        try:
            yield
        except PolytomicError:
            raise
        except Exception as error:  # noqa: BLE001 (each file system raises its own classes)
            raise self._to_exception(mode, error) from None

    @property
    def names(self) -> set[str]:
        """The file's name, and that of the local file that a symbolic link leads to."""
        path = _local_path(self.address)
        paths = [self.address, os.path.realpath(path)] if path else [self.address]
        return {name.rpartition("/")[2] for name in paths}

    def is_same_file(self, other: RemoteFile) -> bool:
        """Return whether both addresses name the same file; the connection makes no difference."""
        return _location(self.address) == _location(other.address)

    def for_shard(self, shard: int, shards: int) -> RemoteFile:
        """Return the address of a shard's own file, in the same folder; the same address if there is one shard."""
        if shards == 1:
            return self
        folder, slash, name = self.address.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        stem, tail = (stem, f"{dot}{suffix}") if stem else (name, "")
        return RemoteFile(self._parameter, f"{folder}{slash}{stem}.shard-{shard}-of-{shards}{tail}")

    def _to_exception(self, mode: str, error: Exception) -> PolytomicError:
        action = "read" if mode == "rb" else "written"
        # Only the text of Python's and Airflow's errors is shown: other libraries may quote a connection.
        text = one_line(str(error), _MAX_ADVICE) if isinstance(error, ImportError) else ""
        if isinstance(error, OSError) and error.errno:
            text = os.strerror(error.errno)
        cause = f"{type(error).__name__}: {text}" if text else type(error).__name__
        problem = f"The file {self} ({self._parameter}) cannot be {action} ({cause})."
        reason, fields = "file_out_of_reach", [self._parameter]
        if isinstance(error, _PERSISTENT_ERRORS) or is_missing_connection(error):
            advice = (
                "Check the address, whether the connection before the @ exists and has the rights, and whether the "
                "package for this kind of storage is installed."
            )
            return PolytomicConfigurationError(problem, advice, reason=reason, fields=fields)
        return SecretStoreUnavailableError(
            f"{problem} No request was sent. A retry may succeed.", reason=reason, fields=fields
        )


def _problem(address: object) -> str | None:
    if not isinstance(address, str):
        return f"must be the address of a file, not of type {type(address).__name__}"
    if not address.isprintable():
        return "contains control characters"
    # The value is not shown: a string that is no address can be anything, also a secret.
    uri = _URI.fullmatch(address)
    if uri is None:
        path = address
    elif ":" in (uri["conn_id"] or ""):
        return "has a colon before the @; write a connection id there, never a user name and a password"
    else:
        path = uri["rest"] if uri["scheme"].lower() in _LOCAL else f"/{uri['rest'].partition('/')[2]}"
    if not path.startswith("/"):
        # 2.11 resolves a relative path from /, 3.x from the working directory.
        return f"does not begin with / or a scheme:// (a string of {len(address)} characters)"
    return "names no file" if path.endswith("/") else None


def _location(address: str) -> str:
    if path := _local_path(address):
        return str(Path(path).resolve())
    uri = _URI.fullmatch(address)
    return f"{uri['scheme'].lower()}://{uri['rest']}" if uri else address


def _local_path(address: str) -> str | None:
    uri = _URI.fullmatch(address)
    if uri is None:
        return address
    return uri["rest"] if uri["scheme"].lower() in _LOCAL else None


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (a string)
    except (OSError, ValueError):
        return False  # to open it fails, too
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
