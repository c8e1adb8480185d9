"""The job of a forked process and its outcome: two values that cross a pipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.crash.kill_points import Points

__all__ = ["Interruption", "Job", "Outcome", "Watch"]

Watch = Literal["calls", "requests", "steps", "lines"]


@dataclass(frozen=True)
class Interruption:
    """A signal that the process sends itself at one point of its last run.

    :param at: the number of the point, from 1, or its name; where it is never reached, nothing happens.
    :param signal: SIGKILL, SIGTERM, or SIGSTOP to be continued later.
    :param watch: what counts as a point (:mod:`.kill_points`): the calls to Polytomic and the store; the requests to
        Polytomic and the files put in place; the steps inside all calls that others can see; or those and every line of
        ``atomic_file``.
    """

    at: int | str
    signal: int
    watch: Watch = "calls"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done in a process of its own.

    :param environ: set before anything else; None removes a variable.
    :param in_a_task: with the channel to the metastore that only a running task has on Airflow 3.
    :param uid: become this user first.
    """

    environ: dict[str, str | None]
    in_a_task: bool = False
    interruption: Interruption | None = None
    uid: int | None = None

    def do(self, points: Points) -> dict[str, Any]:
        """Do it in this process, and return what is to be reported.

        :param points: is armed while the interruption may happen.
        """
        raise NotImplementedError

    def end(self) -> None:
        """Hear that Airflow wants the task to end."""


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    :param state: whether it ended by itself, died of a signal, or stands still.
    :param code: the exit code, or the signal.
    :param point: where the signal interrupted.
    :param report: what it reported itself, or ``error``; and ``since``: the points that it passed after the signal.
    """

    state: Literal["exited", "killed", "stopped"]
    code: int
    point: str | None = None
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def may_be_tried_again(self) -> bool:
        """Whether it ended by itself, with success or with an error that another try can put right."""
        return self.state == "exited" and (self.code == 0 or self.report["error"]["retryable"])
