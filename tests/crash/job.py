"""What is a forked process told to do, and what becomes of it? Two values that cross the pipe as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Job", "Outcome", "Strike", "Watch"]

Watch = Literal["calls", "steps", "lines"]


@dataclass(frozen=True)
class Strike:
    """A signal that the process sends itself at one point of its last run.

    :param at: the number of the point, from 1; beyond the last one, nothing happens.
    :param signal: SIGKILL, SIGTERM, or SIGSTOP to be continued later.
    :param watch: what counts as a point (:mod:`.points`): the calls to vendor and store, the steps inside them that
        others can see, or those and every line of ``atomic_file``.
    """

    at: int
    signal: int
    watch: Watch = "calls"


@dataclass(frozen=True)
class Job:
    """Issue, once or several times, as a task would.

    :param environ: set before anything else; None removes a variable.
    :param runs: for each run, whether it is forced and the run's own time; one after the other.
    :param in_a_task: with the channel to the metastore that only a running task has on Airflow 3.
    :param uid: become this user first.
    :param operator: run the operator, which looks for vendor and store itself; no strikes then.
    """

    org_id: str
    user_id: str
    destination: str
    runs: tuple[tuple[bool, str], ...]
    environ: dict[str, str | None]
    in_a_task: bool = False
    strike: Strike | None = None
    uid: int | None = None
    operator: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        given = json.loads(text)
        given["runs"] = tuple((forced, run_time) for forced, run_time in given["runs"])
        given["strike"] = Strike(**given["strike"]) if given["strike"] else None
        return cls(**given)


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    :param state: whether it ended by itself, died of a signal, or stands still.
    :param code: the exit code, or the signal.
    :param point: where the signal struck.
    :param told: what it reported itself: references, error, record, readers_get (a fingerprint).
    """

    state: Literal["exited", "killed", "stopped"]
    code: int
    point: str | None = None
    told: dict[str, Any] = field(default_factory=dict)
