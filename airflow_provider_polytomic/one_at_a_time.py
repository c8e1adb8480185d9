"""Which of several threads asks Airflow's supervisor? One at a time, the one that holds ``alone``.

The channel of 3.3 has a lock of its own, that of 3.0 has none. That of ``dag.test()`` is away while it answers: other
threads would miss it, and the last of several to put it back could leave none there. Of two threads that add to what
Airflow's log masking hides, one could undo the other's (all versions).
"""

from __future__ import annotations

import threading

__all__ = ["alone"]

alone = threading.RLock()
