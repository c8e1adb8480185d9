"""What must a secret store be able to do? What issuing and removing rely on, and nothing of any one store."""

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

    :param value: the key that readers get now; None where there is none, or where what is there could not be a key.
    :param version: opaque; changes if and only if the value does; set even when nothing is held, and then the same
        everywhere. Contains nothing of the value itself.
    :param is_foreign: the destination holds something that a key cannot be merged into, such as a connection of another
        type. It is only replaced with ``take_over``.
    :param is_recognised: the value identifies itself as a key of the server that issues: a connection of type
        ``polytomic`` with that host. Only such a value may be sent to Polytomic without a record or ``take_over``.
    :param changes_format: the key can be read, but a write would change the format in which programs other than Airflow
        read it, such as the field ``conn_uri`` of a Vault secret. It is only replaced with ``take_over``.
    :param raw: what :meth:`SecretStore.write` merges into, where a store cannot read it again inside its own
        compare-and-set.
    :param revision: what the store itself compares with, where that says more than ``version``: the number that a
        deleted secret of Vault's has, for one.
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
    :class:`~airflow_provider_polytomic.exceptions.SecretStoreUnavailableError`; no error, log line or traceback local
    holds a byte of a key (:func:`~airflow_provider_polytomic.secret_stores.errors.sealed` sees to tracebacks).
    """

    @property
    def place(self) -> str:
        """Where the destination is, for people: the secret, and its server or region, without credentials."""

    @property
    def identity(self) -> str:
        """What tells this destination from every other one, without credentials; shown to nobody.

        The issuance id is derived from it, so it is the same for every worker, every connection that reaches the same
        secret and every version of this package: no word of a message, no alias and no optional slash is part of it.
        """

    @property
    def compare_and_set(self) -> bool:
        """Whether :meth:`write` is atomic with its comparison; otherwise it reads again right before it writes."""

    def read(self) -> StoredSecret:
        """Read the destination raw and fresh, not through Airflow's backend class and not from a cache."""

    def write(self, value: ApiKey, over: StoredSecret) -> str:
        """Make the key the one that readers get, keeping what others hold in the same secret.

        :param over: what was read; the write happens only while the destination still has ``over.version``.
        :returns: the new version.
        :raises SecretStoreConflictError: if somebody changed the value since; nothing was written.
        """

    def read_record(self) -> Mapping[str, str] | None:
        """Read the record beside the destination; None where there is none.

        :raises SecretStoreConfigurationError: if there is one that cannot be read.
        """

    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the record whole; the last writer wins. Never changes the version of the value."""

    def check_write(self, over: StoredSecret) -> None:
        """Prove, as far as that goes, that :meth:`write` would be allowed and found by readers.

        It sends no request that could do what it checks. A write that a documented compare-and-set refuses is the
        limit. What cannot be proved so shows when the record is written, or the value.

        :raises SecretStoreDeniedError: if the write would be refused.
        :raises SecretStoreConfigurationError: if no consumer would get what is written (a shadowed destination, say);
            the message names the cause.
        """

    def read_back(self) -> ApiKey | None:
        """Read what consumers get, through the backend class that Airflow is configured with where there is one."""

    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        """Take what is held away from readers, keeping what others hold in the same secret; nothing there is no error.

        No right to remove is checked beforehand: in most stores only a request that removes could tell. The value goes
        first, then the record: what a kill or a refusal between the two leaves behind says what is still to be done.
        The form says what goes (:meth:`~airflow_provider_polytomic.secret_stores.formats.Form.remove`).

        :param over: what was read; it goes only while the destination still has ``over.version``. That nothing is there
            any more, whoever removed it, is no conflict.
        :param permanently: it may be gone at once and for ever. Otherwise a store that can keep it recoverable does.
        :raises SecretStoreConflictError: if somebody changed the value since; nothing was removed.
        """

    def remove_record(self) -> None:
        """Remove the record; none there is no error. Never changes the version of the value."""
