"""Suppression of botocore's DEBUG logs, which print every request and response, secrets included.

Records of its loggers below INFO are dropped in a thread while this package sends a request there, whatever the levels
of the loggers are. A consumer's own reads are logged as Airflow is configured, in every other thread too.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["suppress_debug_logs"]

# urllib3, below them, prints only the first line of a request and of its response: AWS has no secrets in paths.
_LOGGERS = ("boto3", "botocore")


class _Current(threading.local):
    depth = 0


_current = _Current()


class _Drop(logging.Filter):
    """Filter that stays on a logger: outside this package's requests it only compares a number, and only at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop what belongs to a request of this package; add the filter to loggers that are new."""
        if record.levelno >= logging.INFO or not _current.depth:
            return True
        _add_filters()
        return False


_DROP = _Drop()


@contextmanager
def suppress_debug_logs() -> Iterator[None]:
    """Drop boto's records below INFO in this thread."""
    _add_filters()
    _current.depth += 1
    try:
        yield
    finally:
        _current.depth -= 1


def _add_filters() -> None:
    """Add the filter to every logger of boto, each time: modules add loggers, and a logging set-up drops filters.

    A logger's filters do not apply to the records of the loggers below it (Python's "Logging HOWTO").
    """
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] in _LOGGERS and isinstance(logger, logging.Logger):
            logger.addFilter(_DROP)
