"""What a task returns about a key: everything except the key."""

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
    """Reference to the key that readers of the destination now get.

    :param issued: whether this try obtained the key; False if the stored key was kept.
    :param issuance_id: id of the issuance that obtained the key; None without a record.
    :param fingerprint: 128 bits of SHA-256 of the key, hexadecimal.
    :param issued_at: when the key was issued, by Polytomic's clock; None without a record.
    :param version: the store's version of the value; None if this try has not read it.
    :param seconds: the duration of each step in this try, in seconds.
    :param outage_seconds: forced only: seconds from the POST (joined: from the opening of the issuance) until consumers
        could read the new key; 0 with a standby user; None if no key was issued.
    :param run: the DAG run that issued the key; None without a record.
    :param resumed: whether this try closed an issuance that another try had left open after it stored this key, so that
        the key has not been announced.
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
        """Whether this run issued the key, in this try or in an earlier one, which may have died before it said so."""
        return self.issued or (self.run is not None and self.run.id == run.id)

    def is_new(self, run: Run, *, retried: bool) -> bool:
        """Whether the key is to be announced: this try issued it, or another try that died before it could say so.

        :param run: the DAG run that asks.
        :param retried: whether the run has tried before.
        """
        return self.issued or self.resumed or (retried and self.is_of_run(run))

    def to_json(self, destination: str, *, server: str) -> dict[str, str | bool]:
        """Return what the next task needs, for XCom and asset events; unknown values are left out.

        :param server: the base URL of the Polytomic API that issued the key.
        """
        return _as_json(self, destination, server, issued=self.issued)

    def details(self) -> dict[str, Any]:
        """Return what only an investigation needs, for logs and reports; unknown values are left out."""
        details = {
            "issuance_id": self.issuance_id,
            "version": self.version,
            "seconds": {step: round(seconds, 4) for step, seconds in self.seconds.items()} or None,
            "outage_seconds": None if self.outage_seconds is None else round(self.outage_seconds, 4),
        }
        return {name: value for name, value in details.items() if value is not None}


@dataclass(frozen=True)
class IssuancePreview:
    """Preview of an issuance: what it would do, found out without issuing anything.

    :param target: the user whose stored key would be kept, or whose key would be issued.
    :param would_issue: whether a key would be issued.
    :param reason: one sentence that says why, or why not.
    :param caller: the owner of the credential that the request would carry.
    :param fingerprint: fingerprint of the key that would be kept; None if a key would be issued.
    :param issued_at: when the key that would be kept was issued; None without a record.
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
    described: KeyReference | IssuancePreview, destination: str, server: str, *, issued: bool
) -> dict[str, str | bool]:
    known = {
        "destination": destination,
        "org_id": described.target.org_id,
        "user_id": described.target.user_id,
        "fingerprint": described.fingerprint,
        "issued_at": described.issued_at.isoformat() if described.issued_at else None,
        "issued": issued,
        "server": server,
    }
    return {name: value for name, value in known.items() if value is not None}
