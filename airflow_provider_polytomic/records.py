"""What was intended for a destination, and what came of it? The small record beside it, with no secret in it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from airflow_provider_polytomic.exceptions import MisconfiguredError
from airflow_provider_polytomic.targets import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIELDS", "Record", "State"]

State = Literal["open", "failed", "done"]
# All that :meth:`Record.to_mapping` may ever name.
FIELDS = (
    "state",
    "issuance_id",
    "forced",
    "spent",
    "opened_at",
    "before",
    "org_id",
    "user_id",
    "fingerprint",
    "issued_at",
    "refused_at",
    "run_time",
)


@dataclass(frozen=True)
class Record:
    """The intent before the POST (``open``), its definite failure (``failed``), or whose key is stored (``done``).

    :param issuance_id: UUID that all tries of one issuance share.
    :param forced: whether the issuance revokes the user's earlier keys.
    :param spent: how many of the idempotency keys ``<issuance_id>-0, -1 ...`` must not open another issuance.
    :param opened_at: when the issuance was first intended; kept by every try that joins it.
    :param before: fingerprint of what was stored then, or ``absent``.
    :param refused_at: open: when Polytomic first refused under this idempotency key, although an earlier request under
        it may still be applied.
    :param fingerprint: done: of the key whose age this record tells.
    :param issued_at: done: since when that key counts as issued.
    :param run_time: the own time of the DAG run that has worked on the issuance last, where there is one.
    """

    state: State
    issuance_id: str
    forced: bool
    spent: int
    opened_at: datetime
    before: str
    target: Target
    fingerprint: str | None = None
    issued_at: datetime | None = None
    refused_at: datetime | None = None
    run_time: datetime | None = None

    def to_mapping(self) -> dict[str, str]:
        """Return the record as flat text, which every store can keep: JSON, tags, annotations."""
        fields = {
            "state": self.state,
            "issuance_id": self.issuance_id,
            "forced": "true" if self.forced else "false",
            "spent": str(self.spent),
            "opened_at": self.opened_at.isoformat(),
            "before": self.before,
            "org_id": self.target.org_id,
            "user_id": self.target.user_id,
        }
        if self.fingerprint is not None and self.issued_at is not None:
            fields |= {"fingerprint": self.fingerprint, "issued_at": self.issued_at.isoformat()}
        if self.refused_at is not None:
            fields["refused_at"] = self.refused_at.isoformat()
        if self.run_time is not None:
            fields["run_time"] = self.run_time.isoformat()
        return fields

    @classmethod
    def parse(cls, fields: Mapping[str, str] | None, *, place: str) -> Record | None:
        """Read what :meth:`to_mapping` wrote; fields that a later version may add are ignored.

        :raises MisconfiguredError: if it is not such a record.
        """
        if fields is None:
            return None
        try:
            return cls._read(fields)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MisconfiguredError(
                f"The issuance record beside {place} is damaged. Nothing was issued or changed. Restore it, or delete "
                "it and run once with take_over=True."
            ) from None

    @classmethod
    def _read(cls, fields: Mapping[str, str]) -> Record:
        state = fields["state"]
        if state not in get_args(State) or fields["forced"] not in {"true", "false"} or int(fields["spent"]) < 0:
            raise ValueError
        issued_at, refused_at, run_time = (fields.get(name) for name in ("issued_at", "refused_at", "run_time"))
        record = cls(
            state=state,  # type: ignore[arg-type]  # checked above
            issuance_id=str(uuid.UUID(fields["issuance_id"])),
            forced=fields["forced"] == "true",
            spent=int(fields["spent"]),
            opened_at=datetime.fromisoformat(fields["opened_at"]),
            before=fields["before"],
            target=Target.parse(fields["org_id"], fields["user_id"]),
            fingerprint=fields.get("fingerprint"),
            issued_at=datetime.fromisoformat(issued_at) if issued_at else None,
            refused_at=datetime.fromisoformat(refused_at) if refused_at else None,
            run_time=datetime.fromisoformat(run_time) if run_time else None,
        )
        moments = (record.opened_at, record.issued_at, record.refused_at, record.run_time)
        if any(moment is not None and moment.tzinfo is None for moment in moments):
            raise ValueError  # a time without a zone cannot be compared with the run's
        if state == "done" and (record.fingerprint is None or record.issued_at is None):
            raise ValueError
        return record
