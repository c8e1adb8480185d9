"""Errors that fail a task at once, without a retry."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.version import AirflowFailException

if TYPE_CHECKING:
    from airflow_provider_polytomic.exceptions import PolytomicError

__all__ = ["as_failure"]


class _Failure(AirflowFailException):
    """What the classes of :func:`_failure_class` add to the error: it can be pickled, although they are made here."""

    original: type[PolytomicError]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.original, self.args, self.__dict__)


def as_failure(error: PolytomicError) -> PolytomicError:
    """Return the same error, which Airflow now takes for an ``AirflowFailException``.

    It is an instance of the error's class, with the same name and attributes, so a callback can tell
    ``isinstance(context["exception"], IssuanceRefusedError)``. Its notes are part of its message, because the pages of
    Airflow 3 show no notes. It has neither traceback nor cause: error trackers print the locals of every frame that an
    exception brings along.
    """
    attributes = dict(error.__dict__)
    message = " ".join([str(error), *attributes.pop("__notes__", ())])
    return _restore(type(error), (message,), attributes)


def _restore(original: type[PolytomicError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> PolytomicError:
    kind = _failure_class(original)  # type: ignore[arg-type]  # mypy takes a class for not hashable
    # Not by __init__, which may make the message of other arguments.
    failure = kind.__new__(kind, *arguments)
    failure.__dict__.update(attributes)
    return failure


@cache
def _failure_class(original: type[PolytomicError]) -> type[PolytomicError]:
    names = {"__module__": original.__module__, "__qualname__": original.__qualname__, "__doc__": original.__doc__}
    return type(original.__name__, (_Failure, original), {**names, "original": original})
