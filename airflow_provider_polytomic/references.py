"""What does a task say about a key? Everything but the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_polytomic.models import Identity
    from airflow_provider_polytomic.targets import Target

__all__ = ["Prospect", "Reference"]


@dataclass(frozen=True)
class Reference:
    """The key that readers of the destination now get.

    :param issued: whether this try obtained it; False when the stored key was kept.
    :param issuance_id: of the issuance that obtained it; None where no record tells.
    :param fingerprint: 128 bits of SHA-256 of the key, hexadecimal.
    :param issued_at: since when it counts as issued; None where no record tells.
    :param version: the store's version of the value, where this try saw it.
    :param seconds: how long each step took in this try, in seconds.
    :param outage_seconds: forced only: from the moment the POST was sent (joined: the issuance was opened) until
        consumers could read the new key, in seconds; 0 with a standby user; None where nothing was issued.
    :param run_time: the own time of the DAG run that issued it; None where no record tells.
    """

    target: Target
    issued: bool
    issuance_id: str | None
    fingerprint: str
    issued_at: datetime | None
    version: str | None
    seconds: Mapping[str, float] = field(default_factory=dict)
    outage_seconds: float | None = None
    run_time: datetime | None = None

    def is_of_run(self, run_time: datetime) -> bool:
        """Whether it was issued by this try or an earlier one of the same run, which may have died before it said so.

        :param run_time: the DAG run's own time, aware.
        """
        return self.issued or self.run_time == run_time

    def to_json(self, destination: str) -> dict[str, Any]:
        """Return the reference as JSON types, for XCom and asset events."""
        return {
            "destination": destination,
            "org_id": self.target.org_id,
            "user_id": self.target.user_id,
            "issued": self.issued,
            "issuance_id": self.issuance_id,
            "fingerprint": self.fingerprint,
            "issued_at": self.issued_at.isoformat() if self.issued_at else None,
            "version": self.version,
            "seconds": {step: round(seconds, 4) for step, seconds in self.seconds.items()},
            "outage_seconds": None if self.outage_seconds is None else round(self.outage_seconds, 4),
        }


@dataclass(frozen=True)
class Prospect:
    """What an issuance would do, found out without issuing anything.

    :param would_issue: whether a key would be issued.
    :param reason: one sentence: why, or why not.
    :param caller: whose credential the request would carry.
    """

    would_issue: bool
    reason: str
    caller: Identity
