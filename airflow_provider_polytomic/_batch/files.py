"""Files of a fleet, wherever Airflow's ObjectStoragePath reaches; each address is checked first."""

from __future__ import annotations

import os
import re
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

_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<conn_id>[^/]*)@)?(?P<rest>.*)", re.DOTALL)
_MAX_SHOWN = 200  # characters
_MAX_ADVICE = 600  # of an ImportError, which ends with what to install
# What s3fs holds in memory of a file that is being written; its default is 50 MiB, and S3 takes no smaller part.
_BLOCK = 5 * 2**20
# What stays as it is until somebody does something; all else may be gone at the next try.
_LASTING = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ImportError, ValueError)


class RemoteFile:
    """The address of one file: an absolute path, or a URI such as ``s3://<conn_id>@<bucket>/<key>``.

    :param parameter: what the address is called in errors.
    :param address: as the DAG gives it.
    :raises PolytomicConfigurationError: if no file can be there; nothing was opened.
    """

    def __init__(self, parameter: str, address: object) -> None:
        self._parameter = parameter
        self.text = address if isinstance(address, str) else ""
        if problem := _problem(address):
            raise PolytomicConfigurationError(
                f"{parameter} {problem}.",
                (
                    "Allowed: an absolute path, or a URI of a store that Airflow's ObjectStoragePath can open, such as "
                    "file:///data/targets.jsonl or s3://<conn_id>@<bucket>/targets.csv."
                ),
                reason="not_an_address",
                fields=[parameter],
            )
        # Without a query, which can hold a signature.
        self._shown = one_line(self.text.partition("?")[0], _MAX_SHOWN)

    def __str__(self) -> str:
        """Return the address as logs may show it."""
        return self._shown

    @contextmanager
    def open(self, mode: Literal["rb", "wb"]) -> Iterator[Any]:
        """Open the file, and close it in the end.

        :raises PolytomicError: if it cannot be opened or closed; of what is done with it, :meth:`explained` says so.
        """
        with self.explained(mode):
            file = self.opened(mode)
        try:
            yield file
        finally:
            with self.explained(mode):
                file.close()

    def opened(self, mode: Literal["rb", "wb"]) -> Any:
        """Return the open file; whatever goes wrong is raised as it comes."""
        options = {"block_size": _BLOCK} if mode == "wb" else {}
        return open_file(self.text, mode, **options)

    @contextmanager
    def explained(self, mode: Literal["rb", "wb"]) -> Iterator[None]:
        """Say of whatever goes wrong with the file which one it is, and what to do; nothing has been sent by then.

        :raises PolytomicConfigurationError: if somebody must do something first.
        :raises SecretStoreUnavailableError: if the next try may find it well.
        """
        try:
            yield
        except PolytomicError:
            raise
        except Exception as error:  # noqa: BLE001 (each store's file system raises its own)
            raise self._explanation(mode, error) from None

    def is_same_file(self, other: RemoteFile) -> bool:
        """Whether both are the same file, as far as addresses tell; by which connection is no difference."""
        return _place(self.text) == _place(other.text)

    def for_shard(self, shard: int, shards: int) -> RemoteFile:
        """Return the address of one shard's own file, beside this one; this one where there is only one shard."""
        if shards == 1:
            return self
        folder, slash, name = self.text.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        stem, tail = (stem, f"{dot}{suffix}") if stem else (name, "")
        return RemoteFile(self._parameter, f"{folder}{slash}{stem}.shard-{shard}-of-{shards}{tail}")

    def _explanation(self, mode: str, error: Exception) -> PolytomicError:
        done = "read" if mode == "rb" else "written"
        # Words are shown only where they are Python's or Airflow's own: others may quote a connection.
        words = one_line(str(error), _MAX_ADVICE) if isinstance(error, ImportError) else ""
        if isinstance(error, OSError) and error.errno:
            words = os.strerror(error.errno)
        kind = f"{type(error).__name__}: {words}" if words else type(error).__name__
        problem = f"The file {self} ({self._parameter}) cannot be {done} ({kind})."
        reason, fields = "file_out_of_reach", [self._parameter]
        if isinstance(error, _LASTING) or is_missing_connection(error):
            advice = (
                "Check that its address is right, that the connection before an @ exists and has the rights, and that "
                "the package for this kind of store is installed."
            )
            return PolytomicConfigurationError(problem, advice, reason=reason, fields=fields)
        return SecretStoreUnavailableError(
            f"{problem} No request was sent. A retry may succeed.", reason=reason, fields=fields
        )


def _problem(address: object) -> str | None:
    if not isinstance(address, str):
        return f"must be the address of a file, not of type {type(address).__name__}"
    if not address.isprintable():
        return "has control characters"
    # Not shown: what is no address may be anything.
    uri = _URI.fullmatch(address)
    if uri is None:
        path = address
    elif ":" in (uri["conn_id"] or ""):
        return "has a colon before its @, where only a connection id belongs, never a name and a password"
    else:
        path = uri["rest"] if uri["scheme"].lower() == "file" else f"/{uri['rest'].partition('/')[2]}"
    if not path.startswith("/"):
        # Of a relative path: 2.11 looks in /, 3.x in the working directory.
        return f"does not begin with / or a scheme:// (a text of {len(address)} characters)"
    return "names no file" if path.endswith("/") else None


def _place(address: str) -> str:
    uri = _URI.fullmatch(address)
    if uri is None or uri["scheme"].lower() == "file":
        return str(Path(uri["rest"] if uri else address).resolve())
    return f"{uri['scheme'].lower()}://{uri['rest']}"
