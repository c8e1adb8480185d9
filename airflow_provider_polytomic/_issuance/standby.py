"""Whose turn is it? With a standby user, the keys of two users are at the destination in turn, and none in use dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.record import IssuanceRecord
    from airflow_provider_polytomic._issuance.request import KeyOwners
    from airflow_provider_polytomic._issuance.targets import Target

__all__ = ["next_user"]


def next_user(users: KeyOwners, record: IssuanceRecord | None, *, in_use: Target | None) -> Target:
    """Return the user whose key is to be issued: never the one whose working key is stored, where there are two.

    So whatever was interrupted is resumed for the same user, unless it was for the one whose key is in use: promoted
    already, begun for a single user, or beside an old version that somebody restored.

    :param in_use: as whom the stored key answers; None where it is dead or there is none.
    """
    if users.standby is None:
        return users.first
    if in_use is not None:
        return users.other(in_use)
    if record and record.state == "open" and record.forced:
        return record.target
    if record and record.state == "done":
        return users.other(record.target)  # somebody may still remember that one's key
    return users.first
