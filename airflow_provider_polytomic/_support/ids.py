"""Validation of ids before they become part of a path: UUIDs, and ids of Airflow connections."""

from __future__ import annotations

import re

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = [
    "CURRENT_ORGANIZATION",
    "find_conn_id_problem",
    "is_uuid",
    "parse_conn_id",
    "parse_organization",
    "parse_uuid",
]

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# airflow.models.connection.RE_SANITIZE_CONN_ID, the same on 2.11 and 3.3: Airflow silently drops any other id.
_CONN_ID = re.compile(r"[\w#!()\-.:/\\]+")
_MAX_CONN_ID = 250  # of the column: airflow.models.base.ID_LEN
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


def parse_conn_id(name: str, value: object) -> str:
    """Return the id of an Airflow connection.

    :param name: the parameter's name, for the error.
    :raises PolytomicConfigurationError: if it is none; the message does not show it.
    """
    problem = find_conn_id_problem(value) if isinstance(value, str) else "is no string"
    if problem is None:
        return str(value)
    raise PolytomicConfigurationError(
        f"{name} must be the id of an Airflow connection; {_describe(value)} was passed, which {problem}.",
        "Correct it.",
        reason="invalid_conn_id",
        fields=(name,),
    )


def find_conn_id_problem(conn_id: str) -> str | None:
    """Return why this cannot be the id of a connection, as the end of a sentence; None if it can.

    A slash is allowed: Vault reads the id as a path. So no id may lead out of the folder of connections, or be a
    second spelling of another one.
    """
    if len(conn_id) > _MAX_CONN_ID:
        return f"has more than {_MAX_CONN_ID} characters, Airflow's limit"
    if not _CONN_ID.fullmatch(conn_id):
        return "is empty or has other characters than Airflow allows: letters, digits and # ! ( ) - _ . : / \\"
    if {"", ".", ".."} & set(re.split(r"[/\\]", conn_id)):
        return "has an empty part, '.' or '..' between slashes"
    return None


def _parse(value: object) -> str | None:
    # Not uuid.UUID, which also accepts line breaks, underscores and digits of other scripts.
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value) else None


def _describe(value: object) -> str:
    # Without the value: a key may have been pasted into the wrong field.
    return f"a string of {len(value)} characters" if isinstance(value, str) else f"a {type(value).__name__}"
