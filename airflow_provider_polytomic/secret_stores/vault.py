"""How does a key get into HashiCorp Vault or OpenBao? KV version 2 with compare-and-set, version 1 without.

The record is a secret of its own beside it, because a policy for a path often allows no metadata and no subfolder.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.hashicorp.hooks.vault import VaultHook

from airflow_provider_polytomic.exceptions import (
    ConflictError,
    DeniedError,
    MisconfiguredError,
    SecretStoreError,
    UnavailableError,
)
from airflow_provider_polytomic.secret_stores.backends import BackendReader, first_that_holds
from airflow_provider_polytomic.secret_stores.base import Content, Held
from airflow_provider_polytomic.secret_stores.documents import ABSENT, as_record, version_of
from airflow_provider_polytomic.secret_stores.forms import ConnectionForm, FieldForm
from airflow_provider_polytomic.secret_stores.naming import RECORD_SUFFIX
from airflow_provider_polytomic.secret_stores.sealing import sealed
from airflow_provider_polytomic.secret_stores.vault_client import VaultClient
from airflow_provider_polytomic.secret_stores.vault_engines import engine_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_polytomic.api_key import ApiKey
    from airflow_provider_polytomic.secret_stores.backends import Answers
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.forms import Form
    from airflow_provider_polytomic.secret_stores.opening import Clients

__all__ = ["VaultStore", "on_backend", "on_connection"]

_RECORD_TRIES = 5

_T = TypeVar("_T")


class VaultStore:
    """One secret of a KV engine.

    :param client: the Vault.
    :param mount: where the engine is mounted.
    :param version: of the engine, as configured.
    :param path: of the secret below it.
    :param form: how the key is in the secret.
    :param reader: how Airflow reads it; None outside Airflow.
    :param part: what of the secret is the key, for messages, where that is not the whole.
    """

    def __init__(
        self,
        client: VaultClient,
        mount: str,
        path: str,
        *,
        version: int,
        form: Form,
        reader: BackendReader | None,
        part: str = "",
    ) -> None:
        self._client, self._form, self._reader = client, form, reader
        self._mount, self._path, self._version = mount, path, version
        self._engine = engine_of(client, mount, version)
        self.compare_and_set = self._engine.compare_and_set
        self.place = f"{part}{mount}/{path} in Vault {client.address()}"
        self._record = f"{path}{RECORD_SUFFIX}"
        self._reading = f"read {mount}/{path} with the login of the secrets backend"
        self._record_revision: int | None = None

    @sealed
    def read(self) -> Held:
        """Read the latest version."""
        content, revision = self._explained(self._read)
        held = self._form.look(content)
        version = f"v{revision}" if self.compare_and_set and held.version != ABSENT else held.version
        return replace(held, version=version, revision=revision, content=Content(content))

    @sealed
    def write(self, value: ApiKey, over: Held) -> str:
        """Write the secret anew with the key in it, if its version is still the one that was read."""
        if not self.compare_and_set:
            now = self.read()
            if now.version != over.version:
                raise ConflictError(
                    f"{self.place} was changed by somebody else since it was read; nothing was written."
                )
            over = now
        content = self._form.put(over.content.reveal(), value)
        revision = self._explained(lambda: self._engine.write(self._path, content, over.revision or 0))
        return f"v{revision}" if self.compare_and_set else version_of(content)

    @sealed
    def read_record(self) -> Mapping[str, str] | None:
        """Read the secret beside it."""
        found, self._record_revision = self._explained(lambda: self._engine.read(self._record))
        if found is None:
            return None
        if (record := as_record(found)) is not None:
            return record
        raise MisconfiguredError(
            f"{self._mount}/{self._record} is no issuance record. Nothing was changed. Repair or delete it."
        )

    @sealed
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the secret beside it, whatever it holds by now."""
        for _ in range(_RECORD_TRIES):
            try:
                self._explained(lambda: self._write_record(record))
            except ConflictError:
                continue
            return
        raise ConflictError(
            f"{self._mount}/{self._record}, the issuance record, was changed {_RECORD_TRIES} times while it was being "
            "written. The value is unchanged by this. Try again."
        )

    @sealed
    def check_write(self, over: Held) -> None:
        """Ask for the engine's version, have Airflow read a trial, and send a write that can only be refused."""
        self._explained(self._check_engine)
        content = over.content.reveal()
        if self._reader is not None:
            reader = self._reader
            self._explained(lambda: self._client.run(lambda: reader.check(over, self._form, self.read), self._reading))
        self._explained(lambda: self._engine.check(self._path, exists=content is not None, record=self._record))

    @sealed
    def read_back(self) -> ApiKey | None:
        """Ask the configured backend; outside Airflow, read again."""
        if self._reader is None:
            return self.read().value
        reader = self._reader
        return self._explained(lambda: self._client.run(reader.read_back, self._reading))

    def _read(self) -> tuple[Any, int]:
        try:
            return self._engine.read(self._path)
        except DeniedError:
            # The two versions have different paths: what is denied may be the path of the wrong one.
            with suppress(DeniedError, UnavailableError):
                self._check_engine()
            raise

    def _write_record(self, record: Mapping[str, str]) -> None:
        if self._record_revision is None:
            _, self._record_revision = self._engine.read(self._record)
        # Unknown again until the answer is there.
        over, self._record_revision = self._record_revision, None
        if over:
            self._record_revision = self._engine.write(self._record, dict(record), over)
        else:
            self._record_revision = self._engine.create_record(self._record, dict(record))

    def _check_engine(self) -> None:
        kind, version, at = self._client.mounted(self._mount, self._path)
        if version != 1 and at != self._mount:
            raise MisconfiguredError(
                f"the engine is mounted at {at}, not at {self._mount}. Nothing was changed. Correct the mount point, "
                "and begin the path with what was too much."
            )
        if kind not in {"kv", "generic"} or version != self._version:
            found = f"a KV engine of version {version}" if kind in {"kv", "generic"} else f"an engine of type {kind}"
            raise MisconfiguredError(
                f"{self._mount} is {found}, but configured is a KV engine of version {self._version}: "
                "nobody would find what is written. Nothing was changed. Correct kv_engine_version or the mount point."
            )

    def _explained(self, act: Callable[[], _T]) -> _T:
        """Put the place before what went wrong there."""
        try:
            return act()
        except SecretStoreError as error:
            problem = type(error)(f"{self.place}: {error}")
        raise problem


class _VaultConnectionForm:
    """The fields of a connection, or its URI as ``conn_uri``, which makes the backend ignore all other fields."""

    def __init__(self, issuer: str) -> None:
        self._fields = ConnectionForm(issuer)

    def look(self, content: Any) -> Held:
        uri = content.get("conn_uri") if content else None
        if not uri:
            return self._fields.look(content)
        return replace(self._fields.look(uri), version=version_of(content), reshapes=True)

    def put(self, content: Any, key: ApiKey) -> dict[str, Any]:
        return self._fields.put((content.get("conn_uri") or content) if content else None, key)


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: Clients) -> VaultStore:
    """Return the store of what a ``VaultBackend`` reads for a destination.

    :raises MisconfiguredError: if it never looks for it.
    """
    provider, client = backend.vault_client, VaultClient(backend.vault_client)
    if destination.conn_id is not None:
        client = VaultClient(_provider(destination.conn_id, clients))
        _refuse_other_namespace(destination, client.namespace, VaultClient(provider).namespace)
    reader = BackendReader(backend, destination, _stand_in)
    form: Form = _VaultConnectionForm(issuer) if destination.kind == "connection" else FieldForm("value")

    def store_at(path: str) -> VaultStore:
        # Without a mount point, each id begins with one.
        mount, below = (provider.mount_point, path) if provider.mount_point else path.split("/", 1)
        version = int(provider.kv_engine_version)
        return VaultStore(client, mount.strip("/"), below, version=version, form=form, reader=reader.at(path))

    return first_that_holds([store_at(path) for path in reader.paths()])


def on_connection(destination: Destination, *, clients: Clients) -> VaultStore:
    """Return the store of one field of any secret."""
    provider = _provider(destination.conn_id or "", clients)
    field = destination.field or ""
    return VaultStore(
        VaultClient(provider),
        destination.authority,
        destination.name,
        version=int(provider.kv_engine_version),
        form=FieldForm(field),
        reader=None,
        part=f"field {field} of ",
    )


def _refuse_other_namespace(destination: Destination, writes: str, reads: str) -> None:
    if writes != reads:
        raise MisconfiguredError(
            f"{destination} would be written in the namespace {writes or 'root'}, but the secrets backend reads in "
            f"{reads or 'root'}. Nothing was sent. Correct the namespace of the connection {destination.conn_id!r}."
        )


def _provider(conn_id: str, clients: Clients) -> Any:
    return clients.of(conn_id, "Vault", lambda: VaultHook(vault_conn_id=conn_id).vault_client)


def _stand_in(backend: Any, answers: Answers) -> None:
    backend.vault_client = _StandIn(answers)


class _StandIn:
    """What a ``VaultBackend`` needs of its ``vault_client``."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def get_secret(self, secret_path: str, secret_version: int | None = None) -> Any:  # noqa: ARG002 (the latest)
        return self._answers.get(secret_path)
