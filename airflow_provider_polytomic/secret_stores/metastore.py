"""Store for Airflow's metadata database: a key is a Variable, never written while Airflow logs at DEBUG."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from airflow_provider_polytomic._airflow import masking, metastore, secrets_backends
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.base import ABSENT
from airflow_provider_polytomic.secret_stores.connection_document import parse_key, parse_record, read_string
from airflow_provider_polytomic.secret_stores.errors import conflict, translate_errors
from airflow_provider_polytomic.secret_stores.identity import build_identity, normalise_url
from airflow_provider_polytomic.secret_stores.name_check import check_name
from airflow_provider_polytomic.secret_stores.registry import METASTORE_RECORD_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__ = ["MetastoreStore"]

_MAX_KEY = 250 - len(METASTORE_RECORD_SUFFIX)  # of the column: airflow.models.base.ID_LEN
# 3.3's task SDK puts a key into the path of a URL as it is, and GET /variables/keys lists keys instead.
_UNREACHABLE = re.compile(r"keys|.*[?#%\\].*")


class MetastoreStore:
    """One Variable of the metadata database, which a task of Airflow 3 reaches through the Execution API.

    The Execution API replaces the whole Variable: on Airflow 3 a description that a user gave it is lost.

    :raises SecretStoreConfigurationError: if the database or the Execution API cannot hold this key or its record.
    """

    compare_and_set = False

    def __init__(self, destination: Destination) -> None:
        self._key = destination.name
        self._record_key = f"{self._key}{METASTORE_RECORD_SUFFIX}"
        self._address = metastore.address()
        if len(self._key) > _MAX_KEY or _UNREACHABLE.fullmatch(self._key):
            raise SecretStoreConfigurationError(
                f"Airflow cannot store {destination} and its issuance record as Variables: a key there has at most "
                f"{_MAX_KEY} characters, none of ? # % \\, and is not 'keys'. No request was sent. "
                "Use another name.",
                reason="name_not_allowed",
                fields=["destination"],
            )

    @property
    def place(self) -> str:
        """The Variable, and the address of the metastore."""
        return f"variable {self._key} in the metastore of {self._address}"

    @property
    def identity(self) -> str:
        """The address of the metastore, and the Variable."""
        return build_identity("metastore", normalise_url(self._address), self._key)

    @translate_errors
    def read(self) -> StoredSecret:
        """Read the metastore itself, not the backends that may shadow it in this process."""
        return read_string(metastore.get_variable(self._key))

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Read again, then write; a write between the two is overwritten."""
        self._refuse_debug()
        if self.read().version != over.version:
            raise conflict(self.place)
        masking.mask_secret(value)
        text = value.reveal()
        metastore.set_variable(
            self._key,
            text,
            description=f"Polytomic API key, issued by Airflow; {self._record_key} has its user and date.",
        )
        return read_string(text).version

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the second Variable."""
        text = metastore.get_variable(self._record_key)
        return parse_record(text, f"the Variable {self._record_key}")

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the second Variable."""
        metastore.set_variable(
            self._record_key,
            json.dumps(dict(record)),
            description=f"User and date of the API key in the Variable {self._key}; not a secret.",
        )

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:
        """Check that nothing prints or shadows the key; the right to write shows when the record is written."""
        masking.warn_about_unmasked_variable(self._key)
        self._refuse_debug()
        check_name("variable", self._key, None, over, place=self.place, read=self.read)

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:  # noqa: ARG002 (a database keeps nothing recoverable)
        """Read again, then delete; a write between the two is deleted."""
        now = self.read()
        if now.version == ABSENT:
            return
        if now.version != over.version:
            raise conflict(self.place, "removed")
        metastore.delete_variable(self._key)

    @translate_errors
    def remove_record(self) -> None:
        """Delete the second Variable."""
        metastore.delete_variable(self._record_key)

    @translate_errors
    def read_back(self) -> ApiKey | None:
        """Read as any consumer does; without a value, read the metastore itself, which raises if it is unreachable."""
        text = secrets_backends.get_variable(self._key)
        return parse_key(text if text is not None else metastore.get_variable(self._key))

    def _refuse_debug(self) -> None:
        if masking.logs_at_debug():
            raise SecretStoreConfigurationError(
                f"{self.place} is not written while Airflow logs at DEBUG, because Airflow then prints the value of "
                "every Variable that a task sets. Nothing was changed. Set [logging] logging_level (and "
                "namespace_levels) to INFO, or configure a secrets backend.",
                reason="logs_at_debug",
                fields=["logging_level", "namespace_levels"],
                place=self.place,
            )
