"""Check that a key does not change what the name of its destination already means in Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.secrets_backends import can_answer, find_other_answer
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.base import ABSENT
from airflow_provider_polytomic.secret_stores.errors import conflict

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from airflow_provider_polytomic.secret_stores.base import StoredSecret

    Kind = Literal["connection", "variable", "secret"]

__all__ = ["check_name"]


def check_name(
    kind: Kind,
    name: str,
    backend: Any | None,
    over: StoredSecret,
    *,
    place: str,
    read: Callable[[], StoredSecret],
) -> None:
    """Refuse a destination whose name something else on Airflow's search path answers.

    Airflow asks its secrets backends in their order, and the configured one comes first: a key there would hide the
    connection or Variable of the same name from every task. If the destination holds a key, the name means that key,
    and nothing else is asked. The metastore comes last, so there the key itself would be hidden.

    :param kind: ``connection`` or ``variable``; a ``secret`` outside Airflow has no name there.
    :param backend: the backend that the destination is written for; None stands for the metastore.
    :param over: what the destination holds.
    :param read: reads it again.
    :raises SecretStoreConfigurationError: if something else answers; the message names it.
    :raises SecretStoreConflictError: if another process has written the destination in the meantime.
    :raises SecretStoreError: if the metastore cannot be asked.
    """
    if kind == "secret" or (backend is not None and _is_answered_by(backend, kind, name, over)):
        return
    answer = find_other_answer(kind, name, backend)
    if answer is None:
        return
    if read().version != over.version:  # the API server may read the same store, and so the key of another process
        raise conflict(place)
    if backend is None:
        text = (
            f"{place} is shadowed: {answer} answers first, so no task would read the key. Nothing was changed. Remove "
            "the value there, or use another name."
        )
        raise SecretStoreConfigurationError(text, reason="shadowed", fields=["destination"], place=place)
    text = (
        f"{place} would hide an existing {kind}: {answer} already has the {kind} {name}, and every task that uses it "
        f"would get the new one instead. Nothing was issued or changed. Use another name, or remove the {kind} there; "
        "take_over does not allow this."
    )
    raise SecretStoreConfigurationError(text, reason="name_in_use", fields=["destination"], place=place)


def _is_answered_by(backend: Any, kind: Literal["connection", "variable"], name: str, over: StoredSecret) -> bool:
    """Whether a look-up gets what the destination holds, so that the name means this already."""
    if over.value is not None or over.version == ABSENT:
        return over.value is not None
    return can_answer(backend, kind, name)
