"""The channel to the supervisor of a task of Airflow 3, and the lock that lets one thread use it at a time.

The channel of 3.3 has a lock of its own, that of 3.0 has none. The channel of ``dag.test()`` is replaced while it
answers: other threads would not find it, and the last of several to restore it could leave none. Of two threads that
extend Airflow's log masking, one could undo the other's change (all versions).
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
