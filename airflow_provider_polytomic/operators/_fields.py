"""Parameters of an operator after rendering, and the name of a mapped task instance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = [
    "MAX_WORKERS",
    "set_map_index_name",
    "to_boolean",
    "to_duration",
    "to_expected",
    "to_max_failures",
    "to_optional",
    "to_rate",
    "to_seconds",
    "to_texts",
    "to_workers",
    "whole_number",
]

# As many connections stay open to Vault and AWS.
MAX_WORKERS = 32
_WORKERS = 8
_FAILURES = 10
_DIGITS = 9


def to_boolean(name: str, value: object) -> bool:
    """Read a flag after rendering: ``{{ params.force }}`` has become the text ``False``, which Python takes for true.

    :param value: None, the default of each flag, is false.
    :raises PolytomicConfigurationError: if it is neither a boolean nor the word true or false.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else None
    if word not in {"true", "false"}:
        raise PolytomicConfigurationError(f"{name} must be true or false, not {value!r:.80}.", fields=[name])
    return word == "true"


def to_seconds(name: str, value: object) -> float:
    """Read a number of seconds, above 0.

    :raises PolytomicConfigurationError: if it is none.
    """
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise PolytomicConfigurationError(
            f"{name} must be a number of seconds above 0, not {value!r:.80}.", fields=[name]
        )
    return seconds


def to_duration(name: str, value: object) -> timedelta:
    """Read a length of time, zero or more: a ``timedelta``, or seconds as a number or text.

    :raises PolytomicConfigurationError: if it is none.
    """
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            value = timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        value = None
    # A key that was issued so long ago cannot exist, and the run's time less it might be no date.
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= timedelta(days=36500):
        raise PolytomicConfigurationError(
            f"{name} must be a timedelta, or a number of seconds, of zero to 100 years.", fields=[name]
        )
    return value


def to_texts(name: str, value: object) -> tuple[str, ...]:
    """Read a list of texts; a single text is a list of one, and one that :func:`to_optional` leaves out of none.

    :raises PolytomicConfigurationError: if it is no such list.
    """
    if value is None or isinstance(value, str):
        text = to_optional(name, value)
        return () if text is None else (text,)
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        raise PolytomicConfigurationError(f"{name} must be a list, not a {type(value).__name__}.", fields=[name])
    found = tuple(value)
    if not all(isinstance(each, str) and each.strip() for each in found):
        raise PolytomicConfigurationError(f"{name} must be a list of texts that are not empty.", fields=[name])
    return found


def to_optional(name: str, value: object) -> str | None:
    """Read a text that may be left out: rendering turns what is missing into an empty text, or into ``None``'s name.

    :raises PolytomicConfigurationError: if it is no text.
    """
    if value is not None and not isinstance(value, str):
        raise PolytomicConfigurationError(f"{name} must be a text, not a {type(value).__name__}.", fields=[name])
    return None if value is None or value.strip() in {"", "None"} else value


def to_expected(name: str, value: object, *, given: bool) -> str | None:
    """Read a text that is compared with what is found; None where none was given.

    :param given: whether the DAG gave one: what renders to nothing must not switch the comparison off.
    :raises PolytomicConfigurationError: if one was given and there is none now, or it is no text.
    """
    text = to_optional(name, value)
    if given and text is None:
        raise PolytomicConfigurationError(
            f"{name} was given and renders to nothing, so there is nothing to compare with.",
            "Correct the template.",
            reason="rendered_to_nothing",
            fields=[name],
        )
    return text


def set_map_index_name(context: Any, parameter: str) -> None:
    """Call a mapped task instance by one of its parameters, unless the DAG names it otherwise.

    Both Airflow versions render the template that the context holds after ``execute``. An attribute of the operator
    would not do: they take a mapped operator's from its ``partial`` arguments.
    """
    if context["ti"].map_index >= 0 and not context.get("map_index_template"):
        # 250 characters is all that the metadata database keeps of it.
        context["map_index_template"] = f"{{{{ (task.{parameter} | string)[:250] }}}}"


def to_workers(value: object) -> int:
    """Read ``max_workers``; by default 8.

    :raises PolytomicConfigurationError: if it is none of 1 to 32.
    """
    workers = _WORKERS if _is_nothing(value) else whole_number(value)
    if workers is None or not 1 <= workers <= MAX_WORKERS:
        raise PolytomicConfigurationError(
            f"max_workers must be a whole number from 1 to {MAX_WORKERS}, not {value!r:.80}.",
            "For more, use shards.",
            fields=["max_workers"],
        )
    return workers


def to_max_failures(value: object) -> int:
    """Read ``max_failures``; by default 10.

    :raises PolytomicConfigurationError: if it is no whole number above 0.
    """
    limit = _FAILURES if _is_nothing(value) else whole_number(value)
    if not limit:
        raise PolytomicConfigurationError(
            f"max_failures must be a whole number from 1, not {value!r:.80}.", fields=["max_failures"]
        )
    return limit


def to_rate(value: object) -> float | None:
    """Read ``max_per_second``; None: no limit.

    :raises PolytomicConfigurationError: if it is no number above 0.
    """
    if _is_nothing(value):
        return None
    try:
        rate = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        rate = math.nan
    if not 0 < rate < math.inf:
        raise PolytomicConfigurationError(
            f"max_per_second must be a number above 0, or None, not {value!r:.80}.", fields=["max_per_second"]
        )
    return rate


def whole_number(value: object) -> int | None:
    """Read a number from 0, or its digits; None where it is none."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in {"", "None"})
