"""What does a task say about a key? Everything but the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_polytomic._issuance.record import Run
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.models import Identity

__all__ = ["IssuancePreview", "KeyReference"]


@dataclass(frozen=True)
class KeyReference:
    """The key that readers of the destination now get.

    :param issued: whether this try obtained it; False when the stored key was kept.
    :param issuance_id: of the issuance that obtained it; None where no record tells.
    :param fingerprint: 128 bits of SHA-256 of the key, hexadecimal.
    :param issued_at: when it was issued, by Polytomic's clock; None where no record tells.
    :param version: the store's version of the value, where this try saw it.
    :param seconds: how long each step took in this try, in seconds.
    :param outage_seconds: forced only: from the moment the POST was sent (joined: the issuance was opened) until
        consumers could read the new key, in seconds; 0 with a standby user; None where nothing was issued.
    :param run: the DAG run that issued it; None where no record tells.
    :param resumed: whether this try closed an issuance that another one left open after it had stored this key, so that
        nobody has announced it.
    """

    target: Target
    issued: bool
    issuance_id: str | None
    fingerprint: str
    issued_at: datetime | None
    version: str | None
    seconds: Mapping[str, float] = field(default_factory=dict)
    outage_seconds: float | None = None
    run: Run | None = None
    resumed: bool = False

    def is_of_run(self, run: Run) -> bool:
        """Whether this run issued it: this try, or an earlier one, which may have died before it said so."""
        return self.issued or (self.run is not None and self.run.id == run.id)

    def is_new(self, run: Run, *, retried: bool) -> bool:
        """Whether it is to be announced: this try issued it, or another one that died before it could say so.

        :param run: the DAG run that asks.
        :param retried: whether the run has tried before.
        """
        return self.issued or self.resumed or (retried and self.is_of_run(run))

    def to_json(self, destination: str, *, server: str) -> dict[str, str | bool]:
        """Return what the next task needs, for XCom and asset events; what is not known is left out.

        :param server: the base URL of the Polytomic API that issued the key.
        """
        return _as_json(self, destination, server, issued=self.issued)

    def details(self) -> dict[str, Any]:
        """Return what only an investigation needs, for logs and reports; what is not known is left out."""
        told = {
            "issuance_id": self.issuance_id,
            "version": self.version,
            "seconds": {step: round(seconds, 4) for step, seconds in self.seconds.items()} or None,
            "outage_seconds": None if self.outage_seconds is None else round(self.outage_seconds, 4),
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class IssuancePreview:
    """What an issuance would do, found out without issuing anything.

    :param target: whose key is stored and would be kept, or would be issued.
    :param would_issue: whether a key would be issued.
    :param reason: one sentence: why, or why not.
    :param caller: whose credential the request would carry.
    :param fingerprint: of the key that would be kept; None where one would be issued.
    :param issued_at: since when that one counts as issued; None where no record tells.
    """

    target: Target
    would_issue: bool
    reason: str
    caller: Identity
    fingerprint: str | None = None
    issued_at: datetime | None = None

    def to_json(self, destination: str, *, server: str) -> dict[str, str | bool]:
        """Return what :meth:`KeyReference.to_json` would, with ``would_issue`` and the reason."""
        return {
            **_as_json(self, destination, server, issued=False),
            "would_issue": self.would_issue,
            "reason": self.reason,
        }


def _as_json(
    found: KeyReference | IssuancePreview, destination: str, server: str, *, issued: bool
) -> dict[str, str | bool]:
    known = {
        "destination": destination,
        "org_id": found.target.org_id,
        "user_id": found.target.user_id,
        "fingerprint": found.fingerprint,
        "issued_at": found.issued_at.isoformat() if found.issued_at else None,
        "issued": issued,
        "server": server,
    }
    return {name: value for name, value in known.items() if value is not None}
