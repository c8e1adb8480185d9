"""Channel to the supervisor of a task of Airflow 3, and the lock that lets one thread use it at a time.

The channel of 3.3 has its own lock, that of 3.0 has none. ``dag.test()`` replaces its channel during a request: other
threads do not find it then, and the last of several threads to restore it can leave none. In all versions, two threads
that extend the log masking at the same time can undo each other's change.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

__all__ = ["SUPERVISOR_LOCK", "supervisor_channel"]

SUPERVISOR_LOCK = threading.RLock()


def supervisor_channel() -> Any:
    """Return the channel to the supervisor: set in a task of 3.x (``dag.test()`` included), never on 2.11."""
    return getattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS", None)
