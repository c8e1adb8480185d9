"""What has rendering made of an operator's parameters, and what is a mapped task instance called?"""

from __future__ import annotations

import math
from typing import Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError

__all__ = ["name_map_index", "to_boolean", "to_seconds"]


def to_boolean(name: str, value: object) -> bool:
    """Read a flag after rendering: ``{{ params.force }}`` has become the text ``False``, which Python takes for true.

    :raises PolytomicConfigurationError: if it is neither a boolean nor the word true or false.
    """
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word not in {"true", "false"}:
        raise PolytomicConfigurationError(f"{name} must be true or false, not {value!r:.80}. Nothing was sent.")
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
            f"{name} must be a number of seconds above 0, not {value!r:.80}. Nothing was sent."
        )
    return seconds


def name_map_index(context: Any) -> None:
    """Call a mapped task instance by its destination, unless the DAG names it otherwise.

    Both Airflow versions render the template that the context holds after ``execute``. An attribute of the operator
    would not do: they take a mapped operator's from its ``partial`` arguments.
    """
    if context["ti"].map_index >= 0 and not context.get("map_index_template"):
        context["map_index_template"] = "{{ task.destination }}"
