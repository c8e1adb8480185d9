"""Store for the files of Airflow's ``LocalFilesystemBackend``: locked, checked as a whole, replaced by a rename.

The record is a file of its own beside it, because the backend takes every entry of the secrets file for a secret.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import secrets
import shlex
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.masking import warn_about_unmasked_variable
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.backend_reader import PLACEHOLDER, read_through
from airflow_provider_polytomic.secret_stores.connection_document import parse_record
from airflow_provider_polytomic.secret_stores.errors import cannot_open, conflict, translate_errors
from airflow_provider_polytomic.secret_stores.formats import TextFormat
from airflow_provider_polytomic.secret_stores.identity import build_identity
from airflow_provider_polytomic.secret_stores.local.access import (
    describe_exposure,
    read_file,
    refuse_hard_link,
    refuse_irregular_file,
)
from airflow_provider_polytomic.secret_stores.local.atomic_file import (
    check_writable,
    lock_file,
    remove_file,
    replace_file,
    scratch_file,
    stage_file,
)
from airflow_provider_polytomic.secret_stores.local.entries import (
    build_conversion_command,
    check_suffix,
    encode_file_name,
    find_invalid_connections,
    is_json,
    parse_entries,
    render_entries,
)
from airflow_provider_polytomic.secret_stores.local.errors import explain
from airflow_provider_polytomic.secret_stores.local.formats import ListedConnectionFormat
from airflow_provider_polytomic.secret_stores.name_check import check_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.exceptions import SecretStoreError
    from airflow_provider_polytomic.secret_stores.base import StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.factory import ClientCache
    from airflow_provider_polytomic.secret_stores.formats import SecretFormat

__all__ = ["LocalFilesystemStore", "on_backend"]

log = logging.getLogger(__name__)


class LocalFilesystemStore:
    """One entry of the connections or variables file of a ``LocalFilesystemBackend`` or a subclass.

    A YAML file is read and never written, because its comments would be lost.

    The backend is not called while the lock is held: Airflow's log masking makes its first read of many connections
    slow, and another process that waits for the lock may just have revoked a key.

    :param backend: the instance that this Airflow reads with: it names the file, and has to find the key in a new one.
    :param issuer: base URL of the Polytomic server that issues.
    :param clients: of the task, which warns about each file once.
    :raises SecretStoreConfigurationError: if the backend has no such file, or one that cannot be read.
    """

    # Among all writers that take the lock; a person's editor does not.
    compare_and_set = True

    def __init__(
        self, backend: Any, destination: Destination, *, issuer: str, clients: ClientCache | None = None
    ) -> None:
        self._backend, self._clients = backend, clients
        self._kind, self._name = destination.kind, destination.name
        self._format: SecretFormat = TextFormat() if self._kind == "variable" else ListedConnectionFormat(issuer)
        self._attribute = f"{destination.kind}s_file"
        self._setting = f"{self._attribute}_path"
        configured = getattr(backend, self._attribute, None)
        if not configured:
            raise cannot_open(
                destination,
                f"the secrets backend {type(backend).__name__} is configured without {self._setting}",
                "Add it to the backend's kwargs in Airflow's configuration.",
                reason="no_file",
                fields=[self._setting],
            )
        # The file itself, so that a symbolic link survives, and every name of the file leads to one lock and record.
        self._file = Path(os.path.realpath(configured))
        check_suffix(self._file)
        self._records = self._file.with_name(f"{self._file.name}.polytomic-issuance")
        self._record = self._records / f"{self._kind}.{encode_file_name(self._name)}.json"
        self._lock_file = self._file.with_name(f".{self._file.name}.polytomic-lock")
        self._tried_version: str | None = None

    @property
    def place(self) -> str:
        """The file and the entry."""
        return f"{self._kind} {self._name} in {self._file}"

    @property
    def identity(self) -> str:
        """The file itself, whichever link leads to it, and the entry."""
        return build_identity("file", str(self._file), self._kind, self._name)

    @translate_errors
    def read(self) -> StoredSecret:
        """Read the file itself."""
        return self._read_entry(self._read_entries())

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Write the key into the file, if the entry is still what was read."""
        self._refuse_yaml()
        if self._tried_version != over.version:
            self._try_backend(PLACEHOLDER)
        with self._lock() as entries:
            self._compare(entries, over, "written")
            changed = self._insert(entries, value)
            version = self._read_entry(changed).version
            with self._stage(changed) as at:
                replace_file(at, self._file)
            return version

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the record's own file."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return parse_record(read_file(self._record), str(self._record))
        return None

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Replace the record's file."""
        self._refuse_yaml()
        content = json.dumps(dict(record), indent=2).encode()
        self._records.mkdir(mode=0o700, exist_ok=True)
        with stage_file(self._record, content, at=self._records / f".{secrets.token_hex(8)}.new") as at:
            replace_file(at, self._record)

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:
        """Have the backend read a placeholder, write it to a new file beside this one, and remove that file."""
        self._refuse_yaml()
        check_name(self._kind, self._name, self._backend, over, place=self.place, read=self.read)
        if self._kind == "variable":
            warn_about_unmasked_variable(self._name)
        self._check_file()
        self._warn_about_exposure()
        version = self._try_backend(PLACEHOLDER)
        with self._lock() as entries, self._stage(self._insert(entries, PLACEHOLDER)):
            pass
        self._tried_version = version

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:  # noqa: ARG002 (a file keeps nothing recoverable)
        """Remove the entry from the file, if it is still what was read."""
        if self._name not in self._read_entries():
            return
        self._refuse_yaml()
        self._check_file()
        self._try_backend(None)
        with self._lock() as entries:
            if self._name not in entries:
                return
            self._compare(entries, over, "removed")
            rest = {name: entry for name, entry in entries.items() if name != self._name}
            with self._stage(rest) as at:
                replace_file(at, self._file)

    @translate_errors
    def remove_record(self) -> None:
        """Remove the record's file; the folder, which other entries share, stays."""
        remove_file(self._record)

    @translate_errors
    def read_back(self) -> ApiKey | None:
        """Ask the configured backend."""
        refuse_irregular_file(self._file)
        return self._read_with(self._backend)

    def explain_error(self, error: Exception) -> SecretStoreError | None:
        """Return this package's error for one of the file system; None for any other."""
        if not isinstance(error, OSError):
            return None
        return explain(error, setting=self._setting, records=self._records.name)

    def _refuse_yaml(self) -> None:
        if not is_json(self._file):
            raise SecretStoreConfigurationError(
                f"{self.place} cannot be changed: a YAML file would lose its comments. Nothing was changed. Convert it "
                f"with this command, and set {self._setting} in the backend's kwargs to the new file: "
                f"{build_conversion_command(self._file)}",
                reason="yaml_is_only_read",
                fields=[self._setting],
                place=self.place,
            )

    def _read_entries(self) -> dict[Any, Any]:
        content = b""
        with suppress(FileNotFoundError):
            content = read_file(self._file)
        return parse_entries(self._file, content)

    def _read_entry(self, entries: dict[Any, Any]) -> StoredSecret:
        return self._format.read(entries.get(self._name))

    def _insert(self, entries: dict[Any, Any], value: ApiKey) -> dict[Any, Any]:
        return {**entries, self._name: self._format.insert(entries.get(self._name), value)}

    def _compare(self, entries: dict[Any, Any], over: StoredSecret, not_done: str) -> None:
        if self._read_entry(entries).version != over.version:
            raise conflict(self.place, not_done)

    @contextmanager
    def _lock(self) -> Iterator[dict[Any, Any]]:
        with lock_file(self._lock_file):
            yield self._read_entries()

    @contextmanager
    def _stage(self, entries: dict[Any, Any]) -> Iterator[Path]:
        """Write the new file, and yield its path."""
        aside = self._file.with_name(f".{self._file.stem}.polytomic-new{self._file.suffix}")
        with stage_file(self._file, render_entries(entries), at=aside) as at:
            yield at

    def _check_file(self) -> None:
        check_writable(self._file, self._record)
        refuse_hard_link(self._file)

    def _warn_about_exposure(self) -> None:
        exposure = describe_exposure(self._file)
        if exposure and (self._clients is None or self._clients.is_first(f"exposure of {self._file}")):
            log.warning(
                "%s: %s.\nWhoever can read this file has the keys in it. If only the tasks of its owner need it, run: "
                "chmod 600 %s",
                self._file,
                exposure,
                shlex.quote(str(self._file)),
            )

    def _try_backend(self, expected: ApiKey | None) -> str:
        """Check that the backend can read the file, and would find the expected key in its entry.

        The second read is of a file with this entry alone, so that no copy of other secrets is made.

        :returns: the version of the entry that was replaced by the expected key in that file.
        """
        entries = self._read_entries()
        if entries:
            self._read_with(copy.copy(self._backend))
        trial = copy.copy(self._backend)
        content = render_entries({self._name: self._insert(entries, expected)[self._name]} if expected else {})
        with scratch_file(self._file, content, lock=self._lock_file) as at:
            setattr(trial, self._attribute, str(at))
            key = self._read_with(trial)
        if not (expected.matches(key) if expected else key is None):
            raise SecretStoreConfigurationError(
                f"{type(self._backend).__name__} does not read what is in its file; a subclass may read another "
                "place, or cache the file. Nothing was changed. Change the subclass, or use another destination.",
                reason="backend_looks_elsewhere",
            )
        return self._read_entry(entries).version

    def _read_with(self, backend: Any) -> ApiKey | None:
        try:
            return read_through(backend, self._kind, self._name)
        except Exception as error:  # noqa: BLE001 (Airflow raises many types, and their messages may quote a secret)
            error_type = type(error).__name__
        raise SecretStoreConfigurationError(
            f"{type(self._backend).__name__} cannot read {self._file} ({error_type}), so Airflow finds none of its "
            f"secrets: {self._describe_invalid_entry()} has a form that Airflow does not allow. This read changed "
            "nothing. Repair the file.",
            reason="backend_cannot_read",
        )

    def _describe_invalid_entry(self) -> str:
        invalid = [] if self._kind == "variable" else find_invalid_connections(self._read_entries())
        return f"the connection {', '.join(invalid)}" if invalid else "an entry"


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: ClientCache) -> LocalFilesystemStore:
    """Return the store of one entry of a backend's file."""
    return LocalFilesystemStore(backend, destination, issuer=issuer, clients=clients)
