"""Store for HashiCorp Vault and OpenBao: KV version 2 with compare-and-set, version 1 without.

The record is a secret of its own beside the key's, because a policy for a path often allows no metadata and no
subfolder.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_polytomic.credentials import Hidden
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.backend_reader import ServerStore
from airflow_provider_polytomic.secret_stores.base import ABSENT, StoredSecret
from airflow_provider_polytomic.secret_stores.connection_document import hash_content, parse_record
from airflow_provider_polytomic.secret_stores.errors import conflict, translate_errors
from airflow_provider_polytomic.secret_stores.identity import build_identity
from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX
from airflow_provider_polytomic.secret_stores.vault.kv import select_engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.backend_reader import BackendReader
    from airflow_provider_polytomic.secret_stores.formats import SecretFormat
    from airflow_provider_polytomic.secret_stores.vault.client import VaultClient
    from airflow_provider_polytomic.secret_stores.vault.kv import SecretVersion

__all__ = ["VaultStore"]

log = logging.getLogger(__name__)

_MAX_RECORD_TRIES = 5


class VaultStore(ServerStore):
    """One secret of a KV engine.

    :param client: the Vault.
    :param mount: where the engine is mounted.
    :param version: of the engine, as configured.
    :param path: of the secret below the mount.
    :param secret_format: how the secret holds the key.
    :param reader: how Airflow reads it; None outside Airflow.
    :param field: of the secret: the one that is the key; empty if the whole secret is.
    """

    def __init__(
        self,
        client: VaultClient,
        mount: str,
        path: str,
        *,
        version: int,
        secret_format: SecretFormat,
        reader: BackendReader | None,
        field: str = "",
    ) -> None:
        place = f"{f'field {field} of ' if field else ''}{mount}/{path} in Vault {client.address()}"
        translate = partial(client.translate, f"read {mount}/{path} with the login of the secrets backend")
        super().__init__(place, secret_format, reader, translate)
        self._client, self._mount, self._path, self._version = client, mount, path, version
        self._engine = select_engine(client, mount, version)
        self.compare_and_set = self._engine.compare_and_set
        self.identity = build_identity("vault", *client.location(), mount, path, field)
        self._record = f"{path}{RECORD_SUFFIX}"
        self._record_revision: int | None = None
        self._expires = ""

    @translate_errors
    def read(self) -> StoredSecret:
        """Read the latest version."""
        content, revision, self._expires = self._read_version()
        stored = self._format.read(content)
        version = f"v{revision}" if self.compare_and_set and stored.version != ABSENT else stored.version
        return replace(stored, version=version, revision=revision, raw=Hidden(content))

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Write the secret with the key in it, if its version is still the one that was read."""
        # Version 2 compares numbers, and one that was deleted has the same number when it is undeleted.
        if not self.compare_and_set or (over.revision and over.version == ABSENT):
            now = self.read()
            if now.version != over.version:
                raise conflict(self.place)
            over = now
        content = self._format.insert(over.raw.reveal(), value)
        written = self._engine.write(self._path, content, over.revision or 0)
        if written.expires:
            log.warning(
                "%s: Vault will delete the key\nAt %s. Set delete_version_after to 0 for the secret and its mount.",
                self.place,
                written.expires,
            )
        return f"v{written.revision}" if self.compare_and_set else hash_content(content)

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the secret beside it."""
        content, self._record_revision, _ = self._engine.read(self._record)
        return parse_record(content, f"{self._mount}/{self._record}")

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the secret beside it, whatever it holds now."""
        for _ in range(_MAX_RECORD_TRIES):
            with suppress(SecretStoreConflictError):
                return self._write_record(record)
        raise SecretStoreConflictError(
            f"{self._mount}/{self._record}, the issuance record, was changed {_MAX_RECORD_TRIES} times while it was "
            "being written. The stored value is unchanged. Try again.",
            reason="record_keeps_changing",
        )

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:
        """Compare the engine's version, have Airflow read a trial, and send a write that can only be rejected."""
        self._check_engine()
        content = over.raw.reveal()
        if content is None:
            self._refuse_api_path()
        _refuse_expiry(self._expires)
        self._check_readers(over)
        self._engine.check(self._path, exists=content is not None, record=self._record)

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        """Check the engine's version before any request that another version would interpret in another way."""
        self._check_engine()
        super().remove(over, permanently=permanently)

    @translate_errors
    def remove_record(self) -> None:
        """Delete the secret beside it."""
        if self.read_record() is not None:
            self._check_engine()
            self._engine.delete(self._record, self._record_revision or 0)

    def _delete_value(self, now: StoredSecret, *, permanently: bool) -> None:  # noqa: ARG002 (a deleted version can be undeleted)
        """Delete the version that was read; if the secret has other fields, write it without the key instead."""
        content, revision = now.raw.reveal(), now.revision or 0
        rest = self._format.remove(content)
        if rest is None:
            self._engine.delete(self._path, revision)
            self._check_gone()
        elif rest is not content:
            self._engine.write(self._path, rest, revision)

    def _refuse_api_path(self) -> None:
        """Refuse a path with the part that only the HTTP API has, which would make a second secret."""
        first, _, rest = self._path.partition("/")
        if self._reader is None and self.compare_and_set and first in {"data", "metadata"} and rest:
            raise SecretStoreConfigurationError(
                f"this is a path of Vault's HTTP API; the path of the secret is {rest}. Nothing was changed. Use "
                f"vault://<conn_id>@{self._mount}/{rest}.",
                reason="path_of_http_api",
                fields=["destination"],
            )

    def _read_version(self) -> SecretVersion:
        if not self.compare_and_set:
            self._check_engine()  # in another engine, a read may create something, such as a login for a database
        try:
            return self._engine.read(self._path)
        except SecretStoreDeniedError:
            # The two versions have different paths: the path that was denied may be the wrong one.
            with suppress(SecretStoreDeniedError, SecretStoreUnavailableError):
                self._check_engine()
            raise

    def _check_gone(self) -> None:
        """Detect a version that was written right before the deletion of the one before it."""
        if self.compare_and_set and self.read().version != ABSENT:
            raise SecretStoreConflictError(
                "another process or user wrote the secret during the removal. The new version stays; only the version "
                "before it was deleted. A retry reads it again.",
                reason="written_while_removed",
            )

    def _write_record(self, record: Mapping[str, str]) -> None:
        if self._record_revision is None:
            self._record_revision = self._engine.read(self._record).revision
        # Unknown until the response arrives.
        over, self._record_revision = self._record_revision, None
        if over:
            written = self._engine.write(self._record, dict(record), over)
        else:
            written = self._engine.create_record(self._record, dict(record))
        self._record_revision = written.revision
        _refuse_expiry(written.expires)

    def _check_engine(self) -> None:
        kind, version, at = self._client.read_mount(self._mount, self._path)
        if version != 1 and at != self._mount:
            raise SecretStoreConfigurationError(
                f"the engine is mounted at {at}, not at {self._mount}. Nothing was changed. Correct the mount point, "
                "and move the rest of it to the beginning of the path.",
                reason="mount_point",
                fields=["mount_point"],
            )
        if kind not in {"kv", "generic"} or version != self._version:
            actual = f"a KV engine of version {version}" if kind in {"kv", "generic"} else f"an engine of type {kind}"
            raise SecretStoreConfigurationError(
                f"{self._mount} is {actual}, but a KV engine of version {self._version} is configured, so no task "
                "would find the key. Nothing was changed. Correct kv_engine_version or the mount point.",
                reason="engine_version",
                fields=["kv_engine_version", "mount_point"],
            )


def _refuse_expiry(expires: str) -> None:
    if expires:
        raise SecretStoreConfigurationError(
            f"Vault deletes versions there by itself ({expires}), so readers would lose the key. The stored value is "
            "unchanged. Set delete_version_after to 0 for the secret and its mount.",
            reason="versions_expire",
        )
