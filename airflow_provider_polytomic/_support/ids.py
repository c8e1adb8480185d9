"""UUIDs that come from users and from Polytomic, checked before one enters a path."""

from __future__ import annotations

import re

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = ["CURRENT_ORGANIZATION", "is_uuid", "parse_organization", "parse_uuid"]

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# In place of an organization's id: the one that the caller's credential acts in.
CURRENT_ORGANIZATION = "current"


def parse_uuid(name: str, value: object) -> str:
    """Return the id in its canonical form (lower case, with hyphens).

    :param name: what the id is called in the error.
    :raises PolytomicConfigurationError: if the value is not a UUID; it is refused before it can enter a path.
    """
    parsed = _parsed(value)
    if parsed is None:
        raise PolytomicConfigurationError(
            f"{name} must be a UUID such as '248df4b7-aa70-47b8-a036-33ac447e668d', not {_kind(value)}.",
            reason="not_a_uuid",
            fields=(name,),
        )
    return parsed


def is_uuid(value: object) -> bool:
    """Whether :func:`parse_uuid` takes the value."""
    return _parsed(value) is not None


def parse_organization(value: object) -> str:
    """Return the id in its canonical form, or :data:`CURRENT_ORGANIZATION` where the word for it is given.

    :raises PolytomicConfigurationError: if the value is neither; an empty one is not taken for the current one.
    """
    return CURRENT_ORGANIZATION if value == CURRENT_ORGANIZATION else parse_uuid("org_id", value)


def _parsed(value: object) -> str | None:
    # Not uuid.UUID, which also takes line breaks, underscores and digits of other scripts.
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value) else None


def _kind(value: object) -> str:
    # Not quoted: what was pasted into the wrong field may be a key.
    return f"a text of {len(value)} characters" if isinstance(value, str) else f"a {type(value).__name__}"
