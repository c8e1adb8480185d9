"""How does a secret of AWS's stay out of the logs? At DEBUG, botocore prints whatever it sends and receives.

So its loggers are held at INFO while a request of ours runs. A consumer's own reads stay as Airflow logs them.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet"]

# urllib3, below them, prints the first line of a request and of its answer only: no secret is in a path of AWS's.
_TALKATIVE = ("boto3", "botocore")
_LOCK = threading.Lock()
# The loggers that are held, with the level that each had.
_held: dict[logging.Logger, int] = {}
_running = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Hold boto's loggers at INFO or above until the last of all threads is out again."""
    global _running  # noqa: PLW0603 (levels belong to the process, and so does the count)
    with _LOCK:
        _running += 1
        _hold()
    try:
        yield
    finally:
        with _LOCK:
            _running -= 1
            if not _running:
                _release()


def _hold() -> None:
    """Raise what would print below INFO, parents first; anew each time, because modules that come later bring more."""
    for name in _TALKATIVE:
        logging.getLogger(name)
    for name, logger in sorted(list(logging.root.manager.loggerDict.items())):  # noqa: C414 (a copy at once: others add)
        if name.partition(".")[0] not in _TALKATIVE or not isinstance(logger, logging.Logger):
            continue
        if logger.getEffectiveLevel() < logging.INFO:
            _held.setdefault(logger, logger.level)
            logger.setLevel(logging.INFO)


def _release() -> None:
    """Give back the levels, but for those that somebody has set meanwhile."""
    for logger, level in _held.items():
        if logger.level == logging.INFO:
            logger.setLevel(level)
    _held.clear()
