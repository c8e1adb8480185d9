"""Whose turn is it? With a standby user, the keys of two users are at the destination in turn, and none in use dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic.issuing.attempt import mark

if TYPE_CHECKING:
    from airflow_provider_polytomic.issuing.parts import Users
    from airflow_provider_polytomic.records import Record
    from airflow_provider_polytomic.secret_stores.base import Held
    from airflow_provider_polytomic.targets import Target

__all__ = ["next_user"]


def next_user(users: Users, held: Held, record: Record | None, *, in_use: Target | None) -> Target:
    """Return the user whose key is to be issued: never the one whose working key is stored, where there are two.

    An issuance that was interrupted is resumed for the same user.

    :param in_use: as whom the stored key answers; None where it is dead or there is none.
    """
    if users.standby is None:
        return users.first
    if record and record.state == "open" and record.forced:
        # An issuance for a single user, or an old version that somebody restored: its POST would kill the key in use.
        is_in_use = in_use == record.target and mark(held) == record.before
        return users.other(record.target) if is_in_use else record.target
    if in_use is not None:
        return users.other(in_use)
    if record and record.state == "done":
        return users.other(record.target)  # somebody may still remember that one's key
    return users.first
