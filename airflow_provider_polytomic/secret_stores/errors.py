"""Errors that secret stores share, and the decorator of every store method."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from airflow_provider_polytomic._support.tracebacks import drop_traceback
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreError,
    SecretStoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["cannot_open", "conflict", "holds_a_connection", "translate_errors"]


class _Store(Protocol):
    @property
    def place(self) -> str: ...


_S = TypeVar("_S", bound=_Store)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def conflict(place: str = "", not_done: str = "written") -> SecretStoreConflictError:
    """Return the error for a value that is no longer the one that was read.

    :param place: see :class:`~airflow_provider_polytomic.secret_stores.base.SecretStore`; empty where it is not known:
        :func:`translate_errors` adds it.
    :param not_done: what did not happen: ``written``, ``removed``.
    """
    return SecretStoreConflictError(
        f"{place or 'the secret'} was changed by another process or user since it was read. Nothing was {not_done}. "
        "A retry reads it again.",
        reason="changed_since_read",
        place=place,
    )


def cannot_open(
    destination: object, problem: str, advice: str, *, reason: str, fields: Sequence[str] = ("destination",)
) -> SecretStoreConfigurationError:
    """Return the error for a destination that cannot be opened.

    :param problem: why not, without a full stop.
    :param advice: what to do, as whole sentences.
    """
    text = f"{destination} cannot be opened: {problem}. No request was sent. {advice}"
    return SecretStoreConfigurationError(text, reason=reason, fields=fields)


def holds_a_connection(sign: str) -> SecretStoreConfigurationError:
    """Return the error for a secret outside Airflow that is an Airflow connection.

    :param sign: how that shows.
    """
    return SecretStoreConfigurationError(
        f"the secret looks like an Airflow connection ({sign}), and a key written into it would break the connection "
        "for every task. It was not sent to Polytomic, and is unchanged; take_over does not change that. To store the "
        "key as the password of a connection, use airflow://connection/<conn_id> (or "
        "airflow://<writer_conn_id>@connection/<conn_id>). Otherwise use another secret.",
        reason="holds_a_connection",
        fields=["destination"],
    )


def translate_errors(method: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """Wrap a store method so that its errors name the place and carry no frame from inside.

    The frames of a failed write have the key in their locals. An error that is not this package's is passed to the
    store's ``explain_error``, if it has one. Without an explanation it becomes
    :class:`~airflow_provider_polytomic.exceptions.SecretStoreUnavailableError`, with its type and line only, as its
    message may quote a secret. Signals such as Airflow's timeout keep their type.
    """

    @wraps(method)
    def wrapper(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 (Airflow and its backends raise anything)
                raise _translate(error, self) from None
        except BaseException as error:  # noqa: BLE001 (raised again below, without its traceback)
            raised = error
        try:
            raise drop_traceback(raised)
        finally:
            del raised  # an exception in a local of its own frame would be a cycle

    return wrapper


def _translate(error: Exception, store: _Store) -> SecretStoreError:
    explain = getattr(store, "explain_error", None)
    known = error if isinstance(error, SecretStoreError) or explain is None else explain(error)
    if not isinstance(known, SecretStoreError):
        return SecretStoreUnavailableError(
            f"{store.place}: unexpected {_locate(error)}. Whether the request took effect is not known. A retry reads "
            "it again. If the error persists, please report it with this line.",
            reason="unexpected",
            place=store.place,
        )
    if known.place:
        return known
    # Not a new error: a subclass in another package may take other arguments.
    known.args, known.place = (f"{store.place}: {known}",), store.place
    return known


def _locate(error: Exception) -> str:
    frames = extract_tb(error.__traceback__)
    at = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{at}"
