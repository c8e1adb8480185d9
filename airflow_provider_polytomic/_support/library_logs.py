"""Suppression of what HTTP libraries print and log during a request of this package, which can contain secrets.

- urllib3 logs the header data that it cannot parse at WARNING, and a broken gateway can echo a key there.
- botocore logs every request and response at DEBUG, secrets included.
- ``http.client`` prints every header at its debug level.

All of it is dropped in the thread that sends the request, and in no other: a consumer's own requests are logged as
Airflow is configured. Nothing is changed for the length of a request, so nothing has to be restored.
"""

from __future__ import annotations

import builtins
import http.client
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["suppress_library_logs"]

_NOTHING = logging.CRITICAL + 1
# Library -> the lowest level that is logged. From INFO on, boto logs no secret, but where its credentials come from.
_LOWEST_LEVELS = {
    "boto3": logging.INFO,
    "botocore": logging.INFO,
    "hvac": _NOTHING,
    "requests": _NOTHING,
    "urllib3": _NOTHING,
}


class _Current(threading.local):
    depth = 0


_current = _Current()
_PRINT_LOCK = threading.Lock()


@contextmanager
def suppress_library_logs() -> Iterator[None]:
    """Drop what the libraries log and print in this thread."""
    _add_filters()
    _wrap_print()
    _current.depth += 1
    try:
        yield
    finally:
        _current.depth -= 1


class _Drop(logging.Filter):
    """Filter that stays on a logger: outside this package's requests it compares two numbers.

    :param lowest: the lowest level that passes during a request.
    """

    def __init__(self, lowest: int) -> None:
        super().__init__()
        self._lowest = lowest

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop what belongs to a request of this package; add the filter to loggers that are new."""
        if not _current.depth:
            return True
        _add_filters()
        return record.levelno >= self._lowest


_DROPS = {library: _Drop(lowest) for library, lowest in _LOWEST_LEVELS.items()}


class _Names:
    """The names of the libraries' loggers. Airflow has thousands of others, so they are searched only for new ones."""

    def __init__(self) -> None:
        self._found: tuple[int, list[str]] = 0, []

    def update(self, loggers: Mapping[str, object]) -> list[str]:
        """Return the names; loggers are never removed, so an equal number means the same ones."""
        number, names = self._found
        if number != len(loggers):
            everything = list(loggers)
            names = [name for name in everything if name.partition(".")[0] in _DROPS]
            self._found = len(everything), names
        return names


_names = _Names()


def _add_filters() -> None:
    """Add the filters to the libraries' loggers, each time: modules add loggers, and a logging set-up drops filters.

    A logger's filters do not apply to the records of the loggers below it (Python's "Logging HOWTO").
    """
    loggers = logging.root.manager.loggerDict
    for name in _names.update(loggers):
        if isinstance(logger := loggers.get(name), logging.Logger):  # or the place of one that may come
            logger.addFilter(_DROPS[name.partition(".")[0]])


class _Print:
    """The ``print`` that ``http.client`` uses; it prints nothing in a thread that sends a request of this package.

    The debug level of ``http.client`` is an attribute of a class that all threads and libraries share, so it cannot be
    set to 0 for one request.

    :param printer: what the module used before.
    """

    def __init__(self, printer: Callable[..., None]) -> None:
        self._printer = printer

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Print, except in such a thread."""
        if not _current.depth:
            self._printer(*args, **kwargs)


def _wrap_print() -> None:
    """Wrap the name ``print`` in ``http.client``, each time: programs replace it there to log what it prints."""
    names = vars(http.client)
    with _PRINT_LOCK:
        if not isinstance(printer := names.get("print", builtins.print), _Print):
            names["print"] = _Print(printer)
