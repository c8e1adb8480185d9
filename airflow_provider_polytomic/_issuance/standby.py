"""Alternation with a standby user: the destination holds the keys of two users in turn, and none in use is revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.record import IssuanceRecord
    from airflow_provider_polytomic._issuance.request import KeyOwners
    from airflow_provider_polytomic._issuance.targets import Target

__all__ = ["next_user"]


def next_user(users: KeyOwners, record: IssuanceRecord | None, *, in_use: Target | None) -> Target:
    """Return the user whose key is to be issued: of two users, never the one whose working key is stored.

    An interrupted issuance is therefore resumed for the same user, unless it is for the user whose key is in use: its
    key has been promoted already, it was started for a single user, or an old version was restored beside it.

    :param in_use: the user whose working key is stored; None if no key or a revoked key is stored.
    """
    if users.standby is None:
        return users.first
    if in_use is not None:
        return users.other(in_use)
    if record and record.state == "open" and record.forced:
        return record.target
    if record and record.state == "done":
        return users.other(record.target)  # a consumer may still cache the key of the record's user
    return users.first
