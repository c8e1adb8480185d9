"""How does a secret of AWS's stay out of the logs? At DEBUG, botocore prints whatever it sends and receives.

So what its loggers have to say below INFO is dropped in a thread while a request of ours runs there, whatever their
levels are or become. A consumer's own reads stay as Airflow logs them, in every other thread, too.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["suppress_debug_logs"]

# urllib3, below them, prints the first line of a request and of its answer only: no secret is in a path of AWS's.
_TALKATIVE = ("boto3", "botocore")


class _Here(threading.local):
    depth = 0


_here = _Here()


class _Drop(logging.Filter):
    """Stays on a logger once it is there: elsewhere it costs a look at a number, and only where DEBUG is on."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass what is no request of ours; see to loggers that have come meanwhile."""
        if record.levelno >= logging.INFO or not _here.depth:
            return True
        _listen()
        return False


_DROP = _Drop()


@contextmanager
def suppress_debug_logs() -> Iterator[None]:
    """Drop what boto has to say below INFO in this thread."""
    _listen()
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1


def _listen() -> None:
    """Put the filter on every logger of boto's, anew each time: later modules bring more, and a set-up drops filters.

    A logger's filters are not asked about what comes from the loggers below it (Python's "Logging HOWTO").
    """
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] in _TALKATIVE and isinstance(logger, logging.Logger):
            logger.addFilter(_DROP)
