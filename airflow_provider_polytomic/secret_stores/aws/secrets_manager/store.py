"""Store for AWS Secrets Manager: a key is a new version, to which AWSCURRENT moves from the version that was read.

The record is in the secret's tags and not in a version, because readers get the first version of a secret, whatever its
label.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.credentials import Hidden
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.aws.client import LONG_KEY, AwsClient, get_client, make_stub
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.deletion import DELETED
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.formats import AliasedConnectionFormat
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.secret import AwsSecret
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.tags import (
    decode_record,
    encode_record,
    list_record_tags,
)
from airflow_provider_polytomic.secret_stores.backend_reader import BackendReader, ServerStore, first_with_value
from airflow_provider_polytomic.secret_stores.base import ABSENT, StoredSecret
from airflow_provider_polytomic.secret_stores.errors import cannot_open, conflict, translate_errors
from airflow_provider_polytomic.secret_stores.formats import FieldFormat, JsonFormat, NonConnectionFormat, TextFormat
from airflow_provider_polytomic.secret_stores.identity import build_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.factory import ClientCache
    from airflow_provider_polytomic.secret_stores.formats import SecretFormat

__all__ = ["SecretsManagerStore", "on_backend", "on_connection"]

_SERVICE, _TITLE = "secretsmanager", "AWS Secrets Manager"
# "AWS Secrets Manager quotas": of UTF-8.
_MAX_BYTES = 65_536
_NOT_DONE = "written that readers get"
# CreateSecret's documentation.
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


class SecretsManagerStore(ServerStore):
    """One secret.

    :param aws: the service.
    :param name: of the secret.
    :param secret_format: how the secret holds the key.
    :param reader: how Airflow reads it; None outside Airflow.
    :param field: of the secret: the one that is the key; empty if the whole secret is.
    """

    compare_and_set = True

    def __init__(
        self, aws: AwsClient, name: str, secret_format: SecretFormat, reader: BackendReader | None, *, field: str = ""
    ) -> None:
        super().__init__(aws.place, secret_format, reader, aws.translate)
        self._secret = AwsSecret(aws, name)
        self.identity = build_identity("aws-secretsmanager", *aws.location, name, field)

    @translate_errors
    def read(self) -> StoredSecret:
        """Read the version that has AWSCURRENT; a secret without one, and a deleted one, has no value."""
        content, version = self._secret.current()
        return replace(self._format.read(content), version=version, raw=Hidden(content))

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Put a version that nobody reads yet, then move AWSCURRENT to it from the version that was read."""
        self._refuse_deleted(over)
        text, secret = self._format.insert(over.raw.reveal(), value), self._secret
        version = secret.put_first(text) if over.version == ABSENT else secret.replace(over.version, text)
        if version is None:
            raise conflict(self.place, _NOT_DONE)
        return version

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the tags; a deleted secret has no record."""
        tags = self._secret.tags()
        return None if tags is None else decode_record(tags)

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the tags; create the secret without a value if it does not exist.

        :raises SecretStoreConfigurationError: if tags of other owners leave too little of the quota.
        """
        if not self._secret.tag(encode_record(record)):
            raise conflict(self.place, _NOT_DONE)

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:
        """Have Airflow read a trial, put the present version again, and move a label between versions of no secret.

        The right to put the first value of a secret shows with the first write: every request that checks it would put.

        :raises SecretStoreUnavailableError: if a secret of this name is being deleted.
        """
        self._refuse_deleted(over)
        content = over.raw.reveal()
        self._check_size(self._format.insert(content, LONG_KEY))
        self._check_readers(over)
        if content is not None:
            self._secret.check_put(content, over.version)
        self._secret.check_move()

    @translate_errors
    def remove_record(self) -> None:
        """Remove the tags; those of a deleted secret were deleted with it."""
        if names := list_record_tags(self._secret.tags() or []):
            self._secret.untag(names)

    def _is_gone(self, now: StoredSecret) -> bool:
        return now.version in {ABSENT, DELETED}

    def _delete_value(self, now: StoredSecret, *, permanently: bool) -> None:
        """Delete the secret; if it has other fields, put a version without the key instead.

        DeleteSecret compares nothing, so a write between the read and the deletion is deleted, too.
        """
        content = now.raw.reveal()
        rest = self._format.remove(content)
        if rest is None:
            self._secret.deletion.request(permanently=permanently)
        elif rest is not content and self._secret.replace(now.version, rest) is None:
            raise conflict(self.place, "removed")

    def _check_size(self, text: str) -> None:
        if len(text.encode()) > _MAX_BYTES:
            raise SecretStoreConfigurationError(
                f"with a key in it, the secret would be longer than {_MAX_BYTES} bytes, AWS's limit. Nothing was "
                "changed. Shorten its other fields, or use another secret.",
                reason="too_long",
            )

    def _refuse_deleted(self, over: StoredSecret) -> None:
        if over.version == DELETED:
            raise self._secret.deletion.explain()


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: ClientCache) -> SecretsManagerStore:
    """Return the store of what a ``SecretsManagerBackend`` reads for a destination.

    :raises SecretStoreConfigurationError: if the backend never reads it, or AWS does not allow the name.
    """
    client = get_client(destination, _SERVICE, _TITLE, backend=backend, clients=clients)
    missing = "ResourceNotFoundException"
    stub = make_stub(client, "get_secret_value", "SecretId", missing, lambda content: {"SecretString": content})
    reader = BackendReader(backend, destination, stub)
    secret_format: SecretFormat = (
        JsonFormat(AliasedConnectionFormat(backend, issuer)) if destination.kind == "connection" else TextFormat()
    )
    return first_with_value(
        [_make_store(client, path, secret_format, reader.at(path), destination) for path in reader.paths()]
    )


def on_connection(destination: Destination, *, clients: ClientCache) -> SecretsManagerStore:
    """Return the store of any secret, or of one field of its JSON.

    :raises SecretStoreConfigurationError: if AWS does not allow the name.
    """
    client = get_client(destination, _SERVICE, _TITLE, backend=None, clients=clients)
    secret_format = NonConnectionFormat(
        TextFormat() if destination.field is None else JsonFormat(FieldFormat(destination.field))
    )
    return _make_store(client, destination.name, secret_format, None, destination)


def _make_store(
    client: Any, name: str, secret_format: SecretFormat, reader: BackendReader | None, destination: Destination
) -> SecretsManagerStore:
    if not _NAME.fullmatch(name):
        raise cannot_open(
            destination,
            f"{_TITLE} does not allow the name {name!r:.120}; a name has up to 512 letters, digits and / _ + = . @ -",
            "Use another name.",
            reason="name_not_allowed",
        )
    field = destination.field or ""
    what = f"field {field} of secret {name}" if field else f"secret {name}"
    return SecretsManagerStore(AwsClient(client, what, _TITLE), name, secret_format, reader, field=field)
