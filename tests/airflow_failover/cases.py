"""Who dies, and when? Each rotation is caught in its outage window, and something of Airflow's is killed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.airflow_failover.holding_emulator import Moment

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """A rotation of a user's key, by a task of its own.

    :param name: of the task, of its connection and of its user.
    :param moment: where in the window its first process is caught.
    :param killed: ``task``: its process. ``worker``: who started and watches that one, which is an orphan then.
        ``scheduler``: that alone; the workers go on. ``everything``: the scheduler, the worker and the process.
    :param goes_on: when the process that is left gets its answer: ``beside``: when the next try asks as well.
        ``late``: when the next try has succeeded. ``alone``: while there is no scheduler. None: it is killed, too.
    :param standby: the key goes to a standby user, and the one in use lives on.
    """

    name: str
    moment: Moment
    killed: Literal["task", "worker", "scheduler", "everything"]
    goes_on: Literal["beside", "late", "alone"] | None = None
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
