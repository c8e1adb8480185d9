"""What does an error of Airflow's metastore mean? A refusal, or nothing known; and none of Airflow's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider_polytomic.exceptions import DeniedError, SecretStoreError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["told"]

T = TypeVar("T")


def told(what: str, key: str, act: Callable[[], T]) -> T:
    """Do this with a Variable, and tell an error by its kind only, because Airflow's words may quote the value.

    One thread does at a time.

    :param what: what is done: ``read``, ``written``, ``deleted``.
    :param act: does it, and returns what was found.
    :raises DeniedError: if the API server refuses.
    :raises UnavailableError: for everything else.
    """
    from airflow_provider_polytomic.one_at_a_time import alone

    try:
        with alone:
            return act()
    except Exception as error:  # noqa: BLE001 (Airflow raises anything)
        problem = _problem(error, what, key)
    raise problem


def _problem(error: Exception, what: str, key: str) -> SecretStoreError:
    """Tell a refusal from everything else by its status, never by its words."""
    answer = getattr(error, "error", None)  # AirflowRuntimeError
    detail = getattr(answer, "detail", None) or {}
    status = getattr(getattr(error, "response", None), "status_code", None) or detail.get("status_code")
    if status in (401, 403):
        return DeniedError(
            f"The Variable {key} was not {what}: Airflow's API server answered {status}. "
            "Let this task's team or role use that Variable.",
            reason="refused_by_airflow",
        )
    state = "nothing was changed" if what == "read" else f"whether it was {what} is not known, so it is read again"
    kind = f"{type(error).__name__}{f', status {status}' if status else ''}"
    return UnavailableError(
        f"The Variable {key} could not be {what} in Airflow's metastore ({kind}); {state}. "
        "See the log of the API server or the database.",
        reason="no_answer",
    )
