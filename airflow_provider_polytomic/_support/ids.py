"""Validation of UUIDs before they become part of a path."""

from __future__ import annotations

import re

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = ["CURRENT_ORGANIZATION", "is_uuid", "parse_organization", "parse_uuid"]

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# Used in place of an id: the organization that the caller's credential acts in.
CURRENT_ORGANIZATION = "current"


def parse_uuid(name: str, value: object) -> str:
    """Return the id in its canonical form (lower case, with hyphens).

    :param name: the parameter's name, for the error.
    :raises PolytomicConfigurationError: if the value is not a UUID.
    """
    parsed = _parse(value)
    if parsed is None:
        raise PolytomicConfigurationError(
            f"{name} must be a UUID such as '248df4b7-aa70-47b8-a036-33ac447e668d', not {_describe(value)}.",
            reason="not_a_uuid",
            fields=(name,),
        )
    return parsed


def is_uuid(value: object) -> bool:
    """Return whether :func:`parse_uuid` accepts the value."""
    return _parse(value) is not None


def parse_organization(value: object) -> str:
    """Return the id in its canonical form, or :data:`CURRENT_ORGANIZATION` unchanged.

    :raises PolytomicConfigurationError: if the value is neither; an empty value does not mean the current organization.
    """
    return CURRENT_ORGANIZATION if value == CURRENT_ORGANIZATION else parse_uuid("org_id", value)


def _parse(value: object) -> str | None:
    # Not uuid.UUID, which also accepts line breaks, underscores and digits of other scripts.
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value) else None


def _describe(value: object) -> str:
    # Without the value: a key may have been pasted into the wrong field.
    return f"a string of {len(value)} characters" if isinstance(value, str) else f"a {type(value).__name__}"
