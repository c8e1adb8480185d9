"""Store for AWS Parameter Store: a key is a SecureString, read again right before it is replaced.

The service has no compare-and-set for a parameter that exists, so a write in between is overwritten. The log names it
by the number of its version, which can be restored. The record is a parameter of its own beside the key's.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.credentials import Hidden
from airflow_provider_polytomic.exceptions import SecretStoreError
from airflow_provider_polytomic.secret_stores.aws.client import LONG_KEY, AwsClient, get_client, make_stub
from airflow_provider_polytomic.secret_stores.aws.parameter_store.parameter import SECURE, Parameter
from airflow_provider_polytomic.secret_stores.backend_reader import BackendReader, ServerStore, first_with_value
from airflow_provider_polytomic.secret_stores.connection_document import hash_content, parse_record
from airflow_provider_polytomic.secret_stores.errors import cannot_open, conflict, translate_errors
from airflow_provider_polytomic.secret_stores.formats import (
    ConnectionFormat,
    JsonFormat,
    NonConnectionFormat,
    TextFormat,
)
from airflow_provider_polytomic.secret_stores.identity import build_identity
from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.factory import ClientCache
    from airflow_provider_polytomic.secret_stores.formats import SecretFormat

__all__ = ["ParameterStore", "on_backend", "on_connection"]

log = logging.getLogger(__name__)

_SERVICE, _TITLE = "ssm", "AWS Parameter Store"
_IN_CLEAR = {"Type": "String"}
# PutParameter's documentation; of the 1011 characters, the ARN takes its part, and the suffix of the record.
_NAME = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_MAX_LENGTH, _MAX_LEVELS = 900, 15


class ParameterStore(ServerStore):
    """One parameter.

    :param aws: the service.
    :param name: of the parameter.
    :param secret_format: how its value holds the key.
    :param reader: how Airflow reads it; None outside Airflow.
    """

    compare_and_set = False

    def __init__(self, aws: AwsClient, name: str, secret_format: SecretFormat, reader: BackendReader | None) -> None:
        super().__init__(aws.place, secret_format, reader, aws.translate)
        self._parameter, self._record = Parameter(aws, name), Parameter(aws, f"{name}{RECORD_SUFFIX}")
        self.identity = build_identity("aws-ssm", *aws.location, name)

    @translate_errors
    def read(self) -> StoredSecret:
        """Read the latest version."""
        latest = self._parameter.get()
        if latest is None:
            return self._format.read(None)
        content, revision = str(latest["Value"]), int(latest["Version"])
        stored = self._format.read(content)
        return replace(stored, version=_build_version(revision, content), revision=revision, raw=Hidden(content))

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Create the parameter, or replace its value if it is still the one that was read."""
        if over.revision is None:
            text = self._format.insert(None, value)
            created = self._parameter.create(text, SECURE)
            if created is None:
                raise conflict(self.place)
            return _build_version(created, text)
        settings = self._parameter.settings(over.revision)
        now = self.read()
        if settings is None or now.version != over.version:
            raise conflict(self.place)
        text = self._format.insert(now.raw.reveal(), value)
        revision, repeated = self._parameter.replace(text, settings)
        if revision - 1 > over.revision + repeated and not self._holds(value, revision - 1):
            log.warning(
                "%s: overwrote version %s of another process\nTo restore it, read the parameter's history.",
                self.place,
                revision - 1,
            )
        return _build_version(revision, text)

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the parameter beside it."""
        latest = self._record.get()
        if latest is None:
            return None
        text = latest["Value"] if latest["Type"] == _IN_CLEAR["Type"] else ""
        return parse_record(text, f"the parameter {self._record.name}")

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the parameter beside it, whatever it holds now."""
        self._record.replace(json.dumps(dict(record)), _IN_CLEAR)

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:
        """Have Airflow read a trial, and check that a key fits.

        Every request that checks the right to write would write. The record proves this right: it is a parameter of the
        same path, written before a key is requested.
        """
        self._check_readers(over)
        content = over.raw.reveal()
        if content is None or over.revision is None:
            return
        settings = self._parameter.request_settings(over.revision)
        if settings is None:
            raise conflict(self.place)
        self._parameter.check_text(self._format.insert(content, LONG_KEY), settings)

    @translate_errors
    def remove_record(self) -> None:
        """Delete the parameter beside it."""
        if self.read_record() is not None:
            self._record.delete()

    def _delete_value(self, now: StoredSecret, *, permanently: bool) -> None:  # noqa: ARG002 (nothing deleted can be recovered)
        """Delete the parameter: no format used here leaves anything in it.

        No request deletes a single version, so a write between the read and the deletion is deleted, too.
        """
        self._parameter.delete()

    def _holds(self, value: ApiKey, revision: int) -> bool:
        """Whether a version holds this very key, written by another process that issues it."""
        try:
            version = self._parameter.get(revision)
            return version is not None and value.matches(self._format.read(str(version["Value"])).value)
        except SecretStoreError:  # the key is stored; the version before it only decides about a warning
            return False


def _build_version(revision: int, content: str) -> str:
    # A parameter that is deleted and created again starts with 1 again.
    return f"v{revision}.{hash_content(content)[:8]}"


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: ClientCache) -> ParameterStore:
    """Return the store of what a ``SystemsManagerParameterStoreBackend`` reads for a destination.

    :raises SecretStoreConfigurationError: if the backend never reads it, or AWS does not allow the name.
    """
    client = get_client(destination, _SERVICE, _TITLE, backend=backend, clients=clients)
    missing = "ParameterNotFound"
    stub = make_stub(client, "get_parameter", "Name", missing, lambda content: {"Parameter": {"Value": content}})
    reader = BackendReader(backend, destination, stub)
    secret_format: SecretFormat = (
        JsonFormat(ConnectionFormat(issuer)) if destination.kind == "connection" else TextFormat()
    )
    return first_with_value(
        [_make_store(client, path, secret_format, reader.at(path), destination) for path in reader.paths()]
    )


def on_connection(destination: Destination, *, clients: ClientCache) -> ParameterStore:
    """Return the store of any parameter; a path begins with the slash that a URI has no room for.

    :raises SecretStoreConfigurationError: if AWS does not allow the name.
    """
    client = get_client(destination, _SERVICE, _TITLE, backend=None, clients=clients)
    name = f"/{destination.name}" if "/" in destination.name else destination.name
    return _make_store(client, name, NonConnectionFormat(TextFormat()), None, destination)


def _make_store(
    client: Any, name: str, secret_format: SecretFormat, reader: BackendReader | None, destination: Destination
) -> ParameterStore:
    levels = name.strip("/").count("/") + 1
    if not _NAME.fullmatch(name) or len(name) > _MAX_LENGTH or levels > _MAX_LEVELS:
        raise cannot_open(
            destination,
            f"{_TITLE} does not allow the name {name!r:.120}; a name has letters, digits and _ . - /, up to "
            f"{_MAX_LEVELS} levels and, here, up to {_MAX_LENGTH} characters",
            "Use another name.",
            reason="name_not_allowed",
        )
    return ParameterStore(AwsClient(client, f"parameter {name}", _TITLE), name, secret_format, reader)
