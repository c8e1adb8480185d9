"""How does an error leave a store? As one of this package's own, without the frames in which plain text was at hand."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from airflow_provider_polytomic.exceptions import SecretStoreError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["sealed"]


class _Store(Protocol):
    @property
    def place(self) -> str: ...


_S = TypeVar("_S", bound=_Store)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def sealed(method: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """Wrap a store's method so that what it raises carries neither traceback nor context from inside.

    Error trackers print the locals of every frame that an exception brings along (Sentry, and ``traceback`` itself when
    asked), and a failed write has the key in several. The wrapper's own frame holds the arguments alone, which hide
    their text. Errors that are not this package's become
    :class:`~airflow_provider_polytomic.exceptions.UnavailableError` by kind and line: their words may quote a secret.
    Signals such as Airflow's timeout keep their type.
    """

    @wraps(method)
    def wrapper(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        raised: BaseException
        try:
            return method(self, *args, **kwargs)
        except SecretStoreError as error:
            raised = error
        except Exception as error:  # noqa: BLE001 (see above)
            raised = UnavailableError(
                f"{self.place}: unexpected {_where(error)}; whether it took effect is not known, so read again. "
                "If it stays, please report it with this line."
            )
        except BaseException as error:  # noqa: BLE001 (passed on below, bare)
            raised = error
        raised.__cause__ = raised.__context__ = None
        try:
            raise raised.with_traceback(None)
        finally:
            del raised  # an exception in a local of its own frame would be a cycle

    return wrapper


def _where(error: Exception) -> str:
    frames = extract_tb(error.__traceback__)
    at = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{at}"
