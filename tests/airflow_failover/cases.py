"""Cases of a failover: each rotation is paused in its outage window, and a process of Airflow is killed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.airflow_failover.holding_emulator import Moment

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """A rotation of a user's key in its own task.

    :param name: name of the task, its connection and its user.
    :param moment: where in the window the first process is paused.
    :param killed: ``task``: the process of the task. ``worker``: the processes that started and supervise it, so that
        it becomes an orphan. ``scheduler``: only the scheduler; the workers continue. ``everything``: all three.
    :param continues: when the surviving process gets its response: ``beside``: when the next try sends its request.
        ``late``: after the next try has succeeded. ``alone``: while there is no scheduler. None: it is killed, too.
    :param standby: whether the key is issued for a standby user, so that the previous key still works.
    """

    name: str
    moment: Moment
    killed: Literal["task", "worker", "scheduler", "everything"]
    continues: Literal["beside", "late", "alone"] | None = None
    standby: bool = False


CASES = (
    Case("task_without_answer", "issued", "task"),
    Case("task_with_key", "verifying", "task"),
    Case("task_with_standby_key", "verifying", "task", standby=True),
    Case("worker_beside_retry", "issued", "worker", "beside"),
    Case("worker_before_late_orphan", "issued", "worker", "late"),
    Case("worker_with_standby", "issued", "worker", "beside", standby=True),
    Case("scheduler_beside_retry", "issued", "scheduler", "beside"),
    Case("scheduler_not_needed", "issued", "scheduler", "alone"),
    Case("everything", "issued", "everything"),
    Case("everything_with_standby", "verifying", "everything", standby=True),
)
