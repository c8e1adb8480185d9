"""How does a key get into Airflow's metadata database? As a Variable, and never while Airflow logs at DEBUG."""

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__ = ["MetastoreStore"]

# No word in it that Airflow would mask, so that the record of a Variable can be read in the UI.
_RECORD_SUFFIX = "__polytomic_issuance"
_MAX_KEY = 250 - len(_RECORD_SUFFIX)  # of the column: airflow.models.base.ID_LEN
# 3.3's task SDK puts a key into the path of a URL as it is, and GET /variables/keys lists keys instead.
_UNREACHABLE = re.compile(r"keys|.*[?#%\\].*")


class MetastoreStore:
    """One Variable of the metadata database, which a task of Airflow 3 reaches through the Execution API.

    The Execution API writes a Variable whole: on Airflow 3 a description that somebody gave it is replaced.

    :raises SecretStoreConfigurationError: if the database or the Execution API cannot hold this key or its record.
    """

    compare_and_set = False

    def __init__(self, destination: Destination) -> None:
        self._key = destination.name
        self._record_key = f"{self._key}{_RECORD_SUFFIX}"
        self._address = metastore.metastore_address()
        if len(self._key) > _MAX_KEY or _UNREACHABLE.fullmatch(self._key):
            raise SecretStoreConfigurationError(
                f"Airflow cannot keep {destination} and its issuance record as Variables: a key there has at most "
                f"{_MAX_KEY} characters, none of ? # % \\, and is not 'keys'. No request was sent. "
                "Use another name.",
                reason="name_not_allowed",
                fields=["destination"],
            )

    @property
    def place(self) -> str:
        """The key, and whose metastore."""
        return f"variable {self._key} in the metastore of {self._address}"

    @property
    def identity(self) -> str:
        """Whose metastore, and the key."""
        return build_identity("metastore", normalise_url(self._address), self._key)

    @translate_errors
    def read(self) -> StoredSecret:
        """Read the metastore's value, past what shadows it in this process."""
        return read_string(metastore.metastore_variable_get(self._key))

    @translate_errors
    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Read again, then write; somebody's change in the moment between is overwritten."""
        self._refuse_debug()
        if self.read().version != over.version:
            raise conflict(self.place)
        masking.mask_secret(value)
        text = value.reveal()
        metastore.metastore_variable_set(
            self._key,
            text,
            description=f"Polytomic API key, issued by Airflow; {self._record_key} says when and whose.",
        )
        return read_string(text).version

    @translate_errors
    def read_record(self) -> Mapping[str, str] | None:
        """Read the second Variable."""
        text = metastore.metastore_variable_get(self._record_key)
        return parse_record(text, f"the Variable {self._record_key}")

    @translate_errors
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the second Variable."""
        metastore.metastore_variable_set(
            self._record_key,
            json.dumps(dict(record)),
            description=f"Whose API key the Variable {self._key} holds since when; no secret.",
        )

    @translate_errors
    def check_write(self, over: StoredSecret) -> None:  # noqa: ARG002 (the same answer, whatever is held)
        """Find what would print or shadow the key; the right to write shows when the record is written."""
        masking.warn_about_unmasked_variable(self._key)
        self._refuse_debug()
        shadow = secrets_backends.shadowing_backend(self._key)
        if shadow is not None:
            name = type(shadow).__name__
            variable = f" (AIRFLOW_VAR_{self._key.upper()})" if name == "EnvironmentVariablesBackend" else ""
            raise SecretStoreConfigurationError(
                f"{self.place} is shadowed: {name}{variable} answers first, so nobody would read what is written. "
                "Nothing was changed. Remove it there, or use another name.",
                reason="shadowed",
                place=self.place,
            )

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:  # noqa: ARG002 (a database keeps nothing recoverable)
        """Read again, then delete; somebody's change in the moment between is deleted."""
        now = self.read()
        if now.version == ABSENT:
            return  # whoever deleted it
        if now.version != over.version:
            raise conflict(self.place, "removed")
        metastore.metastore_variable_delete(self._key)

    @translate_errors
    def remove_record(self) -> None:
        """Delete the second Variable."""
        metastore.metastore_variable_delete(self._record_key)

    @translate_errors
    def read_back(self) -> ApiKey | None:
        """Ask as any consumer does; where nobody answers, make sure that it is not for want of a connection."""
        found = secrets_backends.variable_get(self._key)
        return parse_key(found if found is not None else metastore.metastore_variable_get(self._key))

    def _refuse_debug(self) -> None:
        if masking.logs_at_debug():
            raise SecretStoreConfigurationError(
                f"{self.place} is not written while Airflow logs at DEBUG, because Airflow then prints the value "
                "of every Variable that a task sets. Nothing was changed. Set [logging] logging_level (and "
                "namespace_levels) to INFO, or configure a secrets backend.",
                reason="logs_at_debug",
                fields=["logging_level", "namespace_levels"],
                place=self.place,
            )
