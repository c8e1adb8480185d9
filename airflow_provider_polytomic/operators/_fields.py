"""Parameters of an operator after rendering, and the name of a mapped task instance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

__all__ = [
    "rendered_to_nothing",
    "set_map_index_name",
    "to_boolean",
    "to_duration",
    "to_expected",
    "to_max_failures",
    "to_optional",
    "to_rate",
    "to_seconds",
    "to_shard",
    "to_strings",
    "to_workers",
]

_WORKERS = 8
_FAILURES = 10
_MAX_DIGITS = 9


def to_boolean(name: str, value: object) -> bool:
    """Return a flag. ``{{ params.force }}`` renders to the string ``False``, which is true in Python.

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
    """Return a number of seconds above 0.

    :raises PolytomicConfigurationError: if it is not such a number.
    """
    seconds = _to_number(value)
    if not 0 < seconds < math.inf:
        raise PolytomicConfigurationError(
            f"{name} must be a number of seconds above 0, not {value!r:.80}.", fields=[name]
        )
    return seconds


def to_duration(name: str, value: object) -> timedelta:
    """Return a duration of zero or more, from a ``timedelta`` or from seconds as a number or string.

    :raises PolytomicConfigurationError: if it is not such a duration.
    """
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            value = timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        value = None
    # No key is older, and the run's time minus a longer duration may be out of range.
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= timedelta(days=36500):
        raise PolytomicConfigurationError(
            f"{name} must be a timedelta, or a number of seconds, from zero to 100 years.", fields=[name]
        )
    return value


def to_strings(name: str, value: object) -> tuple[str, ...]:
    """Return a list of strings. A single string is a list of one; nothing (:func:`to_optional`) is an empty list.

    :raises PolytomicConfigurationError: if it is not such a list.
    """
    if value is None or isinstance(value, str):
        string = to_optional(name, value)
        return () if string is None else (string,)
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        raise PolytomicConfigurationError(f"{name} must be a list, not a {type(value).__name__}.", fields=[name])
    strings = tuple(value)
    if not all(isinstance(string, str) and string.strip() for string in strings):
        raise PolytomicConfigurationError(f"{name} must be a list of strings that are not empty.", fields=[name])
    return strings


def to_optional(name: str, value: object) -> str | None:
    """Return a string that can be omitted. A missing value renders to an empty string or to the string ``None``.

    :raises PolytomicConfigurationError: if it is not a string.
    """
    if value is not None and not isinstance(value, str):
        raise PolytomicConfigurationError(f"{name} must be a string, not a {type(value).__name__}.", fields=[name])
    return None if _is_nothing(value) else value


def to_expected(name: str, value: object, *, given: bool) -> str | None:
    """Return a string that is compared with the real value; None if the DAG sets none.

    :param given: whether the DAG sets one; a template that renders to nothing must not disable the comparison.
    :raises PolytomicConfigurationError: if it is set and renders to nothing, or is not a string.
    """
    string = to_optional(name, value)
    if given and string is None:
        raise rendered_to_nothing([name], "There is nothing to compare with.")
    return string


def rendered_to_nothing(names: Sequence[str], consequence: str) -> PolytomicConfigurationError:
    """Return the error for parameters that the DAG sets and that render to nothing."""
    return PolytomicConfigurationError(
        f"The value of {' and '.join(names)} renders to nothing. {consequence}",
        "Correct the template, or omit the parameter.",
        reason="rendered_to_nothing",
        fields=names,
    )


def set_map_index_name(context: Context, parameter: str) -> None:
    """Name a mapped task instance after one of its parameters, unless the DAG sets a name.

    Both Airflow versions render the template in the context after ``execute``. An attribute of the operator has no
    effect: for a mapped operator, they read it from the ``partial`` arguments.
    """
    map_index = context["ti"].map_index
    if map_index is not None and map_index >= 0 and not context.get("map_index_template"):
        # The metadata database stores 250 characters of it.
        context["map_index_template"] = f"{{{{ (task.{parameter} | string)[:250] }}}}"


def to_workers(value: object) -> int:
    """Return ``max_workers``; the default is 8.

    :raises PolytomicConfigurationError: if it is not a whole number from 1 to 32.
    """
    from airflow_provider_polytomic._support.threads import MAX_THREADS

    workers = _WORKERS if _is_nothing(value) else _to_whole_number(value)
    if workers is None or not 1 <= workers <= MAX_THREADS:
        raise PolytomicConfigurationError(
            f"max_workers must be a whole number from 1 to {MAX_THREADS}, not {value!r:.80}.",
            "To use more threads, use shards.",
            fields=["max_workers"],
        )
    return workers


def to_max_failures(value: object) -> int:
    """Return ``max_failures``; the default is 10.

    :raises PolytomicConfigurationError: if it is not a whole number above 0.
    """
    limit = _FAILURES if _is_nothing(value) else _to_whole_number(value)
    if not limit:
        raise PolytomicConfigurationError(
            f"max_failures must be a whole number of at least 1, not {value!r:.80}.", fields=["max_failures"]
        )
    return limit


def to_rate(value: object) -> float | None:
    """Return ``max_per_second``; None means no limit.

    :raises PolytomicConfigurationError: if it is not a number above 0.
    """
    if _is_nothing(value):
        return None
    rate = _to_number(value)
    if not 0 < rate < math.inf:
        raise PolytomicConfigurationError(
            f"max_per_second must be a number above 0, or None, not {value!r:.80}.", fields=["max_per_second"]
        )
    return rate


def to_shard(shard: object, shards: object) -> tuple[int, int]:
    """Return ``shard`` and ``shards``; the defaults are 0 and 1.

    :raises PolytomicConfigurationError: unless 0 <= shard < shards.
    """
    numbers = {"shard": 0 if shard is None else shard, "shards": 1 if shards is None else shards}
    index, count = (_to_shard_number(name, value) for name, value in numbers.items())
    if index >= count:
        raise PolytomicConfigurationError(
            f"shard must be from 0 to shards - 1, not {index} of {count} shards.", fields=["shard", "shards"]
        )
    return index, count


def _to_shard_number(name: str, value: object) -> int:
    number = _to_whole_number(value)
    if number is None:
        raise PolytomicConfigurationError(
            f"{name} must be a whole number, not {value!r:.80}.",
            "Airflow turns a range into a string: write .expand(shard=list(range(8))).",
            fields=[name],
        )
    return number


def _to_number(value: object) -> float:
    """Return a number, or NaN if the value is not one."""
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _to_whole_number(value: object) -> int | None:
    """Return a number from 0, also from its digits; None if the value is not one."""
    digits = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS else None


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in {"", "None"})
