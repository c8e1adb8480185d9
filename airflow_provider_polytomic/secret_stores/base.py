"""The interface of a secret store: what issuing and removing a key need, and nothing specific to one store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_polytomic.credentials import Hidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["ABSENT", "RECORD_FIELDS", "SecretStore", "StoredSecret"]

# The fields of a record, all of which are strings.
RECORD_FIELDS = (
    "version",
    "state",
    "issuance_id",
    "forced",
    "idempotency_keys_used",
    "opened_at",
    "previous_fingerprint",
    "org_id",
    "user_id",
    "fingerprint",
    "issued_at",
    "rejected_at",
    "dag_run_id",
    "dag_run_time",
)
ABSENT = "absent"
"""The version of a destination that holds nothing."""


@dataclass(frozen=True)
class StoredSecret:
    """What a destination holds at one moment.

    :param value: the key that readers get now; None if there is no value, or if the value cannot be a key.
    :param version: opaque; changes if and only if the value does. If the destination holds nothing, it is ``"absent"``.
        It contains no part of the value.
    :param is_foreign: the destination holds something that a key cannot be merged into, such as a connection of another
        type. It is only replaced with ``take_over``.
    :param is_recognised: the value identifies itself as a key of the server that issues: a connection of type
        ``polytomic`` with that host. Only such a value may be sent to Polytomic without a record or ``take_over``.
    :param changes_format: the key can be read, but a write would change the format in which programs other than Airflow
        read it, such as the field ``conn_uri`` of a Vault secret. It is only replaced with ``take_over``.
    :param raw: what :meth:`SecretStore.write` merges the key into, if the store cannot read it again as part of its
        compare-and-set.
    :param revision: what the store itself compares, if that is more specific than ``version``, such as the version
        number that Vault keeps of a deleted secret.
    """

    value: ApiKey | None
    version: str
    is_foreign: bool = False
    is_recognised: bool = False
    changes_format: bool = False
    raw: Hidden[Any] = Hidden(None)  # noqa: RUF009 (it cannot be changed)
    revision: int | None = None


class SecretStore(Protocol):
    """One destination, opened.

    Every method may raise :class:`~airflow_provider_polytomic.exceptions.SecretStoreDeniedError`,
    :class:`~airflow_provider_polytomic.exceptions.SecretStoreConfigurationError` or
    :class:`~airflow_provider_polytomic.exceptions.SecretStoreUnavailableError`. No error, log line or local variable in
    a traceback contains a part of a key.
    """

    @property
    def place(self) -> str:
        """Where the destination is, for messages: the secret, and its server or region, without credentials."""

    @property
    def identity(self) -> str:
        """A name that no other destination has, without credentials; not shown to users.

        The issuance id is derived from it, so it is the same on every worker, over every connection that reaches the
        same secret, and in every version of the package. Do not build it from message text, an alias or an optional
        slash.
        """

    @property
    def compare_and_set(self) -> bool:
        """Whether :meth:`write` is an atomic compare-and-set; otherwise it reads again immediately before."""

    def read(self) -> StoredSecret:
        """Read the current value from the store itself: not through Airflow's backend class, and not from a cache."""

    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Make the key the value that readers get; other content of the same secret stays.

        :param over: what was read; the key is written only if the destination still has ``over.version``.
        :returns: the new version.
        :raises SecretStoreConflictError: if another process changed the value after it was read; nothing was written.
        """

    def read_record(self) -> Mapping[str, str] | None:
        """Read the record beside the destination; None if there is no record.

        :raises SecretStoreConfigurationError: if the record cannot be read.
        """

    def write_record(self, record: Mapping[str, str]) -> None:
        """Replace the whole record; the last writer wins. The version of the value does not change."""

    def check_write(self, over: StoredSecret) -> None:
        """Check, as far as possible, that :meth:`write` is allowed and that readers will find the key.

        Send no request that changes the value; a write that a documented compare-and-set is certain to reject is the
        limit. A missing right that this check cannot find is reported when the record or the value is written.

        :raises SecretStoreDeniedError: if the write would be refused.
        :raises SecretStoreConfigurationError: if readers would not get the key, for example because another source
            shadows the destination; the message names the cause.
        """

    def read_back(self) -> ApiKey | None:
        """Read what consumers get: through the backend class that Airflow is configured with, if there is one."""

    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        """Delete the value for readers; other content of the same secret stays. A missing value is no error.

        The caller deletes the value first and the record second, so that after a failure between the two the record
        shows what is left to delete. The right to delete is not checked beforehand, because most stores report it only
        in response to a deletion.

        :param over: what was read; the value is deleted only if the destination still has ``over.version``.
        :param permanently: whether the value may be deleted at once and for ever. Otherwise keep it recoverable, if the
            store can.
        :raises SecretStoreConflictError: if another process changed the value after it was read; nothing was deleted.
        """

    def remove_record(self) -> None:
        """Delete the record; a missing record is no error. The version of the value does not change."""
