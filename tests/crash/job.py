"""The job of a forked process and its outcome, as values for a pipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.crash.kill_points import Points

__all__ = ["Interruption", "Job", "Outcome", "Watch"]

Watch = Literal["calls", "requests", "steps", "lines"]


@dataclass(frozen=True)
class Interruption:
    """A signal that the process sends to itself at one point of its last run.

    :param at: the number of the point, from 1, or its name; without effect if the process does not reach it.
    :param signal: SIGKILL, SIGTERM, or SIGSTOP to be continued later.
    :param watch: the points that count (:mod:`.kill_points`): the calls to Polytomic and the store; the requests to
        Polytomic and the files put in place; the steps inside all calls that others can see; or those and every line of
        ``atomic_file``.
    """

    at: int | str
    signal: int
    watch: Watch = "calls"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job for a forked process.

    :param environ: variables to set first; None removes a variable.
    :param in_a_task: whether to set up the channel to the metastore that only a running task has on Airflow 3.
    :param uid: the user to become first.
    """

    environ: dict[str, str | None]
    in_a_task: bool = False
    interruption: Interruption | None = None
    uid: int | None = None

    def do(self, points: Points) -> dict[str, Any]:
        """Do the job in this process, and return its report.

        :param points: the points, armed while the interruption can happen.
        """
        raise NotImplementedError

    def end(self) -> None:
        """React to Airflow's request to end the task."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of a job.

    :param state: whether the process exited, was killed by a signal, or is stopped.
    :param code: the exit code, or the signal.
    :param point: the point of the interruption.
    :param report: the report of the job, or ``error``; and ``since``: the points that it passed after the signal.
    """

    state: Literal["exited", "killed", "stopped"]
    code: int
    point: str | None = None
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def may_be_tried_again(self) -> bool:
        """Whether the process exited with success, or with an error that another try can repair."""
        return self.state == "exited" and (self.code == 0 or self.report["error"]["retryable"])
