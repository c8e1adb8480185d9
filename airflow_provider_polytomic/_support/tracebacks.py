"""Removal of the frames of a function that handles keys from the exceptions that leave it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["drop_traceback", "strip_traceback"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


def drop_traceback(error: E) -> E:
    """Return the exception without traceback, cause and context."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def strip_traceback(function: Callable[P, T]) -> Callable[P, T]:
    """Wrap a function so that its exceptions have neither a traceback nor a context from inside it.

    Error trackers print the locals of every frame of an exception, and Airflow raises its timeouts, which are
    BaseExceptions, between any two lines. The arguments stay visible, so they must hide their value as ``ApiKey`` does.
    """

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 (raised again below, stripped)
            raised = error
        try:
            raise drop_traceback(raised)
        finally:
            del raised  # an exception in a local of its own frame would be a cycle

    return wrapper
