"""How does an error leave a store? As one of this package's own, without the frames in which plain text was at hand."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreError,
    SecretStoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["cannot_open", "conflict", "translate_errors"]


class _Store(Protocol):
    @property
    def place(self) -> str: ...


_S = TypeVar("_S", bound=_Store)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def conflict(place: str, done: str = "written") -> SecretStoreConflictError:
    """Return what to raise where the value is no longer the one that was read.

    :param done: what was not: ``written``, ``removed``.
    """
    return SecretStoreConflictError(
        f"{place} was changed by somebody else since it was read. Nothing was {done}. Read it again.",
        reason="changed_since_read",
        place=place,
    )


def cannot_open(
    destination: object, problem: str, advice: str, *, reason: str, fields: Sequence[str] = ("destination",)
) -> SecretStoreConfigurationError:
    """Return what to raise where a destination cannot be opened.

    :param problem: why not, without a full stop.
    :param advice: what to do, as whole sentences.
    """
    text = f"{destination} has no place: {problem}. No request was sent. {advice}"
    return SecretStoreConfigurationError(text, reason=reason, fields=fields)


def translate_errors(method: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """Wrap a store's method so that what it raises is bare, one of this package's own, and names the place.

    A failed write has the key in the locals of several frames. Errors that are not this package's become
    :class:`~airflow_provider_polytomic.exceptions.SecretStoreUnavailableError` by kind and line: their words may quote
    a secret. Signals such as Airflow's timeout keep their type.
    """

    @wraps(method)
    @strip_traceback
    def wrapper(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return method(self, *args, **kwargs)
        except SecretStoreError as error:
            if error.place:
                raise
            text = f"{self.place}: {error}"
            raise type(error)(text, reason=error.reason, fields=error.fields, place=self.place) from None
        except Exception as error:  # noqa: BLE001 (Airflow and its backends raise anything)
            raise SecretStoreUnavailableError(
                f"{self.place}: unexpected {_where(error)}; whether it took effect is not known, so read again. "
                "If it stays, please report it with this line.",
                reason="unexpected",
                place=self.place,
            ) from None

    return wrapper


def _where(error: Exception) -> str:
    frames = extract_tb(error.__traceback__)
    at = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{at}"
