"""Owners of keys: a user in an organization."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_polytomic._support.ids import parse_uuid
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """The user who owns a key.

    :param org_id: UUID of the organization, canonical.
    :param user_id: UUID of the user, canonical.
    """

    org_id: str
    user_id: str

    @classmethod
    def parse(cls, org_id: object, user_id: object) -> Target:
        """Parse and normalise both ids.

        :raises PolytomicConfigurationError: if either is not a UUID.
        """
        return cls(parse_uuid("org_id", org_id), parse_uuid("user_id", user_id))

    @classmethod
    def parse_standby(cls, org_id: object, user_id: object, standby_user_id: object) -> Target:
        """Parse and normalise the user whose keys alternate with the first user's.

        :raises PolytomicConfigurationError: if an id is not a UUID, or the two users are the same.
        """
        first = cls.parse(org_id, user_id)
        standby = cls(first.org_id, parse_uuid("standby_user_id", standby_user_id))
        if standby == first:
            raise PolytomicConfigurationError(
                "standby_user_id equals user_id, but a new key for a user revokes the user's other keys.",
                "Give a second user of the organization.",
                reason="same_user",
                fields=("standby_user_id",),
            )
        return standby

    def __str__(self) -> str:
        """Return the user as messages name it."""
        return f"user {self.user_id} of organization {self.org_id}"
