"""Errors that fail a task at once, without a retry."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.version import AirflowFailException

if TYPE_CHECKING:
    from airflow_provider_polytomic.exceptions import PolytomicError

__all__ = ["as_failure"]


class _Failure(AirflowFailException):
    """Base of the classes of :func:`_failure_class`; it makes their instances picklable."""

    original: type[PolytomicError]

    def __reduce__(self) -> tuple[Any, ...]:
        # Not by the name of its class, which is that of the original.
        return _restore, (self.original, self.args, self.__dict__)


def as_failure(error: PolytomicError) -> PolytomicError:
    """Return the same error as an ``AirflowFailException``.

    It is an instance of the error's class, with the same name and attributes, so a callback can test
    ``isinstance(context["exception"], IssuanceRefusedError)``. Its notes are part of its message, because the pages of
    Airflow 3 show no notes. It has neither traceback nor cause: error trackers print the locals of every frame of an
    exception.
    """
    attributes = dict(error.__dict__)
    message = " ".join([str(error), *attributes.pop("__notes__", ())])
    return _restore(type(error), (message,), attributes)


def _restore(original: type[PolytomicError], args: tuple[Any, ...], attributes: dict[str, Any]) -> PolytomicError:
    failure_class = _failure_class(original)  # type: ignore[arg-type]  # mypy considers a class not hashable
    return failure_class._restore(args, attributes)  # noqa: SLF001 (errors and failures are restored in the same way)


@cache
def _failure_class(original: type[PolytomicError]) -> type[PolytomicError]:
    names = {"__module__": original.__module__, "__qualname__": original.__qualname__, "__doc__": original.__doc__}
    return type(original.__name__, (_Failure, original), {**names, "original": original})
