"""How does a key get into AWS Parameter Store? As a SecureString, read again right before it is replaced.

The service has no compare-and-set for a parameter that exists, so who wrote in between is overwritten, and named in the
log by the number of the version, which can be restored. The record is a parameter of its own beside it.
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
from airflow_provider_polytomic.secret_stores.formats import ConnectionFormat, JsonFormat, TextFormat
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
    :param form: how the key is in its value.
    :param reader: how Airflow reads it; None outside Airflow.
    """

    compare_and_set = False

    def __init__(self, aws: AwsClient, name: str, form: SecretFormat, reader: BackendReader | None) -> None:
        super().__init__(aws.place, form, reader, aws.run)
        self._parameter, self._record = Parameter(aws, name), Parameter(aws, f"{name}{RECORD_SUFFIX}")
        self.identity = build_identity("aws-ssm", *aws.location, name)

    @translate_errors
    def read(self) -> StoredSecret:
        """Read the latest version."""
        found = self._parameter.get()
        if found is None:
            return self._form.read(None)
        content, revision = str(found["Value"]), int(found["Version"])
        held = self._form.read(content)
        return replace(held, version=_version(revision, content), revision=revision, raw=Hidden(content))

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Create the parameter, or replace its value if it is still the one that was read."""
        if over.revision is None:
            text = self._form.insert(None, value)
            created = self._parameter.create(text, SECURE)
            if created is None:
                raise conflict(self.place)
            return _version(created, text)
        settings = self._parameter.settings(over.revision)
        now = self.read()
        if settings is None or now.version != over.version:
            raise conflict(self.place)
        text = self._form.insert(now.raw.reveal(), value)
        revision, repeated = self._parameter.replace(text, settings)
        if revision - 1 > over.revision + repeated and not self._is_the_same(value, revision - 1):
            log.warning(
                "%s was changed by somebody else at the very moment of writing: version %s is overwritten. If it was "
                "meant to stay, its value is in the history of the parameter.",
                self.place,
                revision - 1,
            )
        return _version(revision, text)

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the parameter beside it."""
        found = self._record.get()
        if found is None:
            return None
        text = found["Value"] if found["Type"] == _IN_CLEAR["Type"] else ""
        return parse_record(text, f"the parameter {self._record.name}")

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the parameter beside it, whatever it holds by now."""
        self._record.replace(json.dumps(dict(record)), _IN_CLEAR)

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:
        """Have Airflow read a trial, and see whether there is room for a key.

        Every request that asks for the right to write would write. So the proof of it is the record, which is a
        parameter of the same path and is written before a key is asked for.
        """
        self._check_readers(over)
        content = over.raw.reveal()
        if content is None or over.revision is None:
            return
        settings = self._parameter.look_up(over.revision)
        if settings is None:
            raise conflict(self.place)
        self._parameter.check_text(self._form.insert(content, LONG_KEY), settings)

    @translate_errors
    def remove_record(self) -> None:
        """Delete the parameter beside it."""
        if self.read_record() is not None:
            self._record.delete()

    def _delete_value(self, now: StoredSecret, *, permanently: bool) -> None:  # noqa: ARG002 (nothing deleted can be recovered)
        """Delete the parameter: of none of the forms here anything would be left.

        No request deletes one version only, so what somebody writes between the read and the deletion goes, too.
        """
        self._parameter.delete()

    def _is_the_same(self, value: ApiKey, revision: int) -> bool:
        """Whether a version holds this very key: another issuer of it was here."""
        try:
            found = self._parameter.get(revision)
        except SecretStoreError:  # the key is stored; what was there before only decides about a warning
            return False
        return found is not None and value.matches(self._form.read(str(found["Value"])).value)


def _version(revision: int, content: str) -> str:
    # A parameter that is deleted and made anew starts with 1 again.
    return f"v{revision}.{hash_content(content)[:8]}"


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: ClientCache) -> ParameterStore:
    """Return the store of what a ``SystemsManagerParameterStoreBackend`` reads for a destination.

    :raises SecretStoreConfigurationError: if it never looks for it, or AWS has no such names.
    """
    client = get_client(destination, _SERVICE, _TITLE, backend=backend, clients=clients)
    missing = "ParameterNotFound"
    stub = make_stub(client, "get_parameter", "Name", missing, lambda content: {"Parameter": {"Value": content}})
    reader = BackendReader(backend, destination, stub)
    form: SecretFormat = JsonFormat(ConnectionFormat(issuer)) if destination.kind == "connection" else TextFormat()
    return first_with_value([_store(client, path, form, reader.at(path), destination) for path in reader.paths()])


def on_connection(destination: Destination, *, clients: ClientCache) -> ParameterStore:
    """Return the store of any parameter; a path begins with the slash that a URI has no room for.

    :raises SecretStoreConfigurationError: if AWS has no such names.
    """
    client = get_client(destination, _SERVICE, _TITLE, backend=None, clients=clients)
    name = f"/{destination.name}" if "/" in destination.name else destination.name
    return _store(client, name, TextFormat(), None, destination)


def _store(
    client: Any, name: str, form: SecretFormat, reader: BackendReader | None, destination: Destination
) -> ParameterStore:
    levels = name.strip("/").count("/") + 1
    if not _NAME.fullmatch(name) or len(name) > _MAX_LENGTH or levels > _MAX_LEVELS:
        raise cannot_open(
            destination,
            f"{_TITLE} has no parameter of the name {name!r:.120}; it allows letters, digits and _ . - /, "
            f"{_MAX_LEVELS} levels and, here, {_MAX_LENGTH} characters",
            "Use another name.",
            reason="name_not_allowed",
        )
    return ParameterStore(AwsClient(client, f"parameter {name}", _TITLE), name, form, reader)
