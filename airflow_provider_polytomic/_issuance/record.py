"""The record beside a destination: what an issuance intends, and its outcome. It contains no secret.

Its format is a promise, because workers with different versions of this package meet at one destination: see
``docs/destinations.md``, "The record".
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.base import RECORD_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

__all__ = ["FORMAT", "MAX_APART", "IssuanceRecord", "Run", "State"]

State = Literal["open", "failed", "done"]
# The version of the format. It grows when earlier versions of this package would misunderstand a record.
FORMAT = 1
# How far a run's own time may lie before Polytomic's clock for the age of a key to count from the run's time.
MAX_APART = timedelta(days=1)
# What a later version may add: what every store can hold. The narrowest limit is that of AWS tags: the value of one tag
# (256 characters, each of which may take three) lists all names.
_UNKNOWN_NAME = re.compile(r"[a-z][a-z0-9_]{0,17}")
_UNKNOWN_VALUE = re.compile(r"[ -~]{1,80}")
_MAX_UNKNOWN = 5


@dataclass(frozen=True)
class Run:
    """The DAG run that issues.

    :param id: the same for every try and clear of the run, and different for every other run.
    :param time: the run's own time, which no try and no clear changes; aware.
    :param zone: the time zone of the run's DAG, in which a schedule counts days.
    """

    id: str
    time: datetime
    zone: tzinfo = field(default=UTC, compare=False)


@dataclass(frozen=True)
class IssuanceRecord:
    """Record of an issuance: its intent (``open``), its definite failure (``failed``), or the stored key (``done``).

    :param issuance_id: UUID that all tries of one issuance share.
    :param forced: whether the issuance revokes the user's earlier keys.
    :param idempotency_keys_used: how many of the idempotency keys ``<issuance_id>-0, -1 ...`` must not start another
        issuance.
    :param opened_at: when the issuance was first intended, by Polytomic's clock; kept by every try that joins it.
    :param previous_fingerprint: fingerprint of what was stored then, or ``absent``.
    :param rejected_at: open: when Polytomic first rejected a request under this idempotency key, although an earlier
        request under it may still take effect; by Polytomic's clock.
    :param fingerprint: done: fingerprint of the stored key.
    :param issued_at: done: when that key was issued, by Polytomic's clock.
    :param run: the newest DAG run that has worked on the issuance; None outside of a run.
    :param unknown: the fields that a later version of this package has added. They are kept whenever the record is
        rewritten for the same destination.
    """

    state: State
    issuance_id: str
    forced: bool
    idempotency_keys_used: int
    opened_at: datetime
    previous_fingerprint: str
    target: Target
    fingerprint: str | None = None
    issued_at: datetime | None = None
    rejected_at: datetime | None = None
    run: Run | None = None
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def counts_as_issued_at(self) -> datetime:
        """The time from which the key's age counts: its run's time, so that a schedule finds it due to the second.

        If the run's time lies more than a day earlier (a backfill, a run that was cleared later), it is the time by
        Polytomic's clock at which the key was issued or, while the issuance is open, at which it was opened.
        """
        issued_at = self.issued_at or self.opened_at
        return issued_at if self.run is None or issued_at - self.run.time > MAX_APART else self.run.time

    def is_of(self, run: Run | None) -> bool:
        """Whether this run has worked on the issuance."""
        return self.run is not None and run is not None and self.run.id == run.id

    def to_mapping(self) -> dict[str, str]:
        """Return the record as a flat mapping of strings, which every store can keep: JSON, tags, annotations."""
        fields = {
            "version": str(FORMAT),
            "state": self.state,
            "issuance_id": self.issuance_id,
            "forced": "true" if self.forced else "false",
            "idempotency_keys_used": str(self.idempotency_keys_used),
            "opened_at": self.opened_at.isoformat(),
            "previous_fingerprint": self.previous_fingerprint,
            "org_id": self.target.org_id,
            "user_id": self.target.user_id,
        }
        if self.fingerprint is not None and self.issued_at is not None:
            fields |= {"fingerprint": self.fingerprint, "issued_at": self.issued_at.isoformat()}
        if self.rejected_at is not None:
            fields["rejected_at"] = self.rejected_at.isoformat()
        if self.run is not None:
            fields |= {"dag_run_id": self.run.id, "dag_run_time": self.run.time.isoformat()}
        return fields | dict(self.unknown)

    @classmethod
    def parse(cls, fields: Mapping[str, str] | None, *, place: str) -> IssuanceRecord | None:
        """Parse what :meth:`to_mapping` returned, in this or another version of this package.

        :raises SecretStoreConfigurationError: if it is not such a record, or has a format that only a later version
            understands.
        """
        if fields is None:
            return None
        try:
            version = int(fields["version"])
            record = cls._read(fields) if version == FORMAT else None
        except (KeyError, TypeError, ValueError, AttributeError):
            version, record = 0, None
        if version > FORMAT:
            raise SecretStoreConfigurationError(
                f"The issuance record beside {place} was written by a later version of this package; this version "
                f"understands format {FORMAT}. Nothing was issued or changed. Upgrade airflow-provider-polytomic on "
                "this worker.",
                reason="record_of_later_version",
            )
        if record is None:
            raise SecretStoreConfigurationError(
                f"The issuance record beside {place} is damaged. Nothing was issued or changed. If other workers "
                "have a later version of airflow-provider-polytomic, upgrade this one. Otherwise restore the record, "
                "or delete it and run once with take_over=True.",
                reason="record_damaged",
            )
        return record

    @classmethod
    def _read(cls, fields: Mapping[str, str]) -> IssuanceRecord:
        state = fields["state"]
        if (
            state not in get_args(State)
            or fields["forced"] not in {"true", "false"}
            or int(fields["idempotency_keys_used"]) < 0
        ):
            raise ValueError
        run, run_time = fields.get("dag_run_id"), _parse_time(fields.get("dag_run_time"))
        if (run is None) != (run_time is None):
            raise ValueError
        record = cls(
            state=state,  # type: ignore[arg-type]  # checked above
            issuance_id=str(uuid.UUID(fields["issuance_id"])),
            forced=fields["forced"] == "true",
            idempotency_keys_used=int(fields["idempotency_keys_used"]),
            opened_at=_require_aware(datetime.fromisoformat(fields["opened_at"])),
            previous_fingerprint=fields["previous_fingerprint"],
            target=Target.parse(fields["org_id"], fields["user_id"]),
            fingerprint=fields.get("fingerprint"),
            issued_at=_parse_time(fields.get("issued_at")),
            rejected_at=_parse_time(fields.get("rejected_at")),
            run=Run(str(uuid.UUID(run)), run_time) if run and run_time else None,
            unknown=_unknown_fields(fields),
        )
        if state == "done" and (record.fingerprint is None or record.issued_at is None):
            raise ValueError
        return record


def _parse_time(text: str | None) -> datetime | None:
    return _require_aware(datetime.fromisoformat(text)) if text else None


def _require_aware(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError  # it cannot be compared with the time of a run
    return time


def _unknown_fields(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    unknown = tuple(sorted((name, value) for name, value in fields.items() if name not in RECORD_FIELDS))
    if len(unknown) > _MAX_UNKNOWN or not all(
        _UNKNOWN_NAME.fullmatch(name) and _UNKNOWN_VALUE.fullmatch(value) for name, value in unknown
    ):
        raise ValueError
    return unknown
