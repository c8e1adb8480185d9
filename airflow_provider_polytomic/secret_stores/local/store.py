"""How does a key get into a file that Airflow's ``LocalFilesystemBackend`` reads? Locked, checked whole, renamed.

The record is a file of its own beside it, because the backend takes every entry of the secrets file for a secret.
"""

from __future__ import annotations

import copy
import errno
import json
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.masking import warn_about_unmasked_variable
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.connection_document import (
    merge_key,
    parse_key,
    parse_record,
    read_connection,
    read_string,
)
from airflow_provider_polytomic.secret_stores.errors import cannot_open, conflict, translate_errors
from airflow_provider_polytomic.secret_stores.identity import build_identity
from airflow_provider_polytomic.secret_stores.local.atomic_file import (
    check_replaceable,
    lock_file,
    remove_file,
    replace_file,
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_polytomic.secret_stores.base import StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__ = ["LocalFilesystemStore", "on_backend"]

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISCONFIGURED = {
    errno.EBUSY, errno.EXDEV, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO,
}  # fmt: skip


class LocalFilesystemStore:
    """One entry of the connections or variables file of a ``LocalFilesystemBackend`` or a subclass.

    A YAML file is read and never written, because its comments would be lost.

    :param backend: the instance that this Airflow reads with: it names the file, and has to find the key in a new one.
    :param issuer: base URL of the Polytomic server that issues.
    :raises SecretStoreConfigurationError: if the backend has no such file, or one that cannot be read.
    """

    # Among all writers that take the lock; a person's editor does not.
    compare_and_set = True

    def __init__(self, backend: Any, destination: Destination, *, issuer: str) -> None:
        self._backend = backend
        self._kind, self._name, self._issuer = destination.kind, destination.name, issuer
        self._setting = f"{destination.kind}s_file"
        configured = getattr(backend, self._setting, None)
        if not configured:
            raise cannot_open(
                destination,
                f"the secrets backend {type(backend).__name__} is configured without {self._setting}_path",
                "Add it to the backend's kwargs in Airflow's configuration.",
                reason="no_file",
                fields=[f"{self._setting}_path"],
            )
        # The file itself, so that a symbolic link survives, and every name of the file leads to one lock and record.
        self._file = Path(os.path.realpath(configured))
        check_suffix(self._file)
        self._records = self._file.with_name(f"{self._file.name}.polytomic-issuance")
        self._record = self._records / f"{self._kind}.{encode_file_name(self._name)}.json"

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
        """Read the raw file."""
        return self._look(self._entries())

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Put the key into the file, if the entry is still what was read."""
        self._refuse_yaml()
        with self._locked() as entries:
            self._compare(entries, over, "written")
            changed = self._changed(entries, value)
            version = self._look(changed).version
            with self._staged(changed, value) as at:
                replace_file(at, self._file)
            return version

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the record's own file."""
        with self._explained(), suppress(FileNotFoundError, NotADirectoryError):
            return parse_record(self._record.read_bytes(), str(self._record))
        return None

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Replace the record's file."""
        self._refuse_yaml()
        content = json.dumps(dict(record), indent=2).encode()
        with self._explained():
            self._records.mkdir(mode=0o700, exist_ok=True)
            with stage_file(self._record, content, at=self._records / f".{secrets.token_hex(8)}.new") as at:
                replace_file(at, self._record)

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:  # noqa: ARG002 (the same answer, whatever is held)
        """Do all of a write with a placeholder, but for the rename; the new file stays aside and is removed."""
        self._refuse_yaml()
        if self._kind == "variable":
            warn_about_unmasked_variable(self._name)
        with self._explained():
            self._check_rights()
        key = ApiKey("placeholder-of-a-polytomic-key")
        with self._locked() as entries, self._staged(self._changed(entries, key), key):
            pass

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:  # noqa: ARG002 (a file keeps nothing recoverable)
        """Take the entry out of the file, if it is still what was read."""
        with self._locked() as entries:
            if self._name not in entries:
                return  # whoever took it out
            self._refuse_yaml()
            self._check_rights()
            self._compare(entries, over, "removed")
            with self._staged(self._without(entries), None) as at:
                replace_file(at, self._file)

    @translate_errors
    def remove_record(self) -> None:
        """Remove the record's file; the folder, which other entries share, stays."""
        with self._explained():
            remove_file(self._record)

    @translate_errors
    def read_back(self) -> ApiKey | None:
        """Ask the configured backend."""
        return self._ask(self._backend)

    def _refuse_yaml(self) -> None:
        if not is_json(self._file):
            raise SecretStoreConfigurationError(
                f"{self.place} cannot be changed: a YAML file would lose its comments. Nothing was changed. Convert it "
                f"with this command, and name the new file as {self._setting}_path in the backend's kwargs: "
                f"{build_conversion_command(self._file)}",
                reason="yaml_is_only_read",
                fields=[f"{self._setting}_path"],
                place=self.place,
            )

    def _entries(self) -> dict[Any, Any]:
        content = b""
        with self._explained(), suppress(FileNotFoundError):
            content = self._file.read_bytes()
        return parse_entries(self._file, content)

    def _look(self, entries: dict[Any, Any]) -> StoredSecret:
        entry = entries.get(self._name)
        if self._kind == "variable":
            return read_string(entry)
        return read_connection(self._only(entry), issuer=self._issuer)

    def _only(self, entry: Any) -> Any:
        """Unwrap a list of one connection, a form that the backend still reads."""
        if not isinstance(entry, list):
            return entry
        if len(entry) > 1:
            raise SecretStoreConfigurationError(
                f"it is given {len(entry)} times, so Airflow reads none of that file. Keep one.", reason="given_twice"
            )
        return entry[0] if entry else None

    @contextmanager
    def _locked(self) -> Iterator[dict[Any, Any]]:
        with self._explained(), lock_file(self._file.with_name(f".{self._file.name}.polytomic-lock")):
            yield self._entries()

    def _compare(self, entries: dict[Any, Any], over: StoredSecret, what: str) -> None:
        if self._look(entries).version != over.version:
            raise conflict(self.place, what)

    def _changed(self, entries: dict[Any, Any], value: ApiKey) -> dict[Any, Any]:
        if self._kind == "variable":
            return {**entries, self._name: value.reveal()}
        return {**entries, self._name: merge_key(self._only(entries.get(self._name)), value, issuer=self._issuer)}

    def _without(self, entries: dict[Any, Any]) -> dict[Any, Any]:
        return {name: entry for name, entry in entries.items() if name != self._name}

    @contextmanager
    def _staged(self, entries: dict[Any, Any], expected: ApiKey | None) -> Iterator[Path]:
        """Write the file as it will be, let the backend read what it is to find there, and yield the file."""
        aside = self._file.with_name(f".{self._file.stem}.polytomic-new{self._file.suffix}")
        with stage_file(self._file, render_entries(entries), at=aside) as at:
            trial = copy.copy(self._backend)
            setattr(trial, self._setting, str(at))
            found = self._ask(trial)
            if not (expected.matches(found) if expected else found is None):
                raise SecretStoreConfigurationError(
                    f"{type(self._backend).__name__} does not find what its file says; a subclass may look elsewhere, "
                    "or keep what it read. Nothing was changed. Use another destination or change it.",
                    reason="backend_looks_elsewhere",
                )
            yield at

    def _ask(self, backend: Any) -> ApiKey | None:
        try:
            if self._kind == "variable":
                return parse_key(backend.get_variable(self._name))
            connection = backend.get_connection(self._name)
        except Exception as error:  # noqa: BLE001 (Airflow raises many kinds, and their words may quote a secret)
            kind = type(error).__name__
        else:
            return parse_key(connection.password) if connection else None
        raise SecretStoreConfigurationError(
            f"{type(self._backend).__name__} cannot read {self._file} ({kind}), so Airflow finds none of its secrets: "
            f"there is {self._culprits()}. Nothing was changed by this. Repair the file.",
            reason="backend_cannot_read",
        )

    def _culprits(self) -> str:
        if self._kind == "variable":
            return "an entry that it does not allow"
        illegal = ", ".join(find_invalid_connections(self._entries()))
        return f"the connection {illegal}, whose form it does not allow" if illegal else "one that it does not allow"

    def _check_rights(self) -> None:
        """Look at what a rename does not ask for: a read-only file, the record's own folder."""
        for path, need in (
            (self._file, os.R_OK | os.W_OK),
            (self._record, os.R_OK | os.W_OK),
            (self._records, os.W_OK | os.X_OK),
        ):
            if path.exists() and not os.access(path, need, effective_ids=os.access in os.supports_effective_ids):
                raise PermissionError(errno.EACCES, "not writable for this user", str(path))
        check_replaceable(self._file)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._explain(error) from None

    def _explain(self, error: OSError) -> SecretStoreError:
        what = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        if error.errno in _DENIED:
            return SecretStoreDeniedError(
                f"{what}. Nothing was changed. Let this user write the file, its folder and {self._records.name}.",
                reason="file_rights",
            )
        if error.errno in _MISCONFIGURED:
            return SecretStoreConfigurationError(
                f"{what}. Nothing was changed. Correct the backend's {self._setting}_path, or make the folder.",
                reason="file_path",
                fields=[f"{self._setting}_path"],
            )
        return SecretStoreUnavailableError(
            f"{what}. Whether it was changed is not known; it is read again. Look at the disk.", reason="no_answer"
        )


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: object) -> LocalFilesystemStore:  # noqa: ARG001 (a file needs none)
    """Return the store of one entry of a backend's file."""
    return LocalFilesystemStore(backend, destination, issuer=issuer)
