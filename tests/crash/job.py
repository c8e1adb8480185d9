"""What is a forked process told to do, and what becomes of it? Two values that cross the pipe as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["AnyJob", "Job", "Outcome", "Race", "Rotations", "Strike", "Task", "Tasks", "Watch", "read_job"]

Watch = Literal["calls", "requests", "steps", "lines"]


@dataclass(frozen=True)
class Strike:
    """A signal that the process sends itself at one point of its last run.

    :param at: the number of the point, from 1, or its name; where it is never reached, nothing happens.
    :param signal: SIGKILL, SIGTERM, or SIGSTOP to be continued later.
    :param watch: what counts as a point (:mod:`.points`): the calls to vendor and store, the requests to Polytomic and
        files put in place, the steps inside all calls that others can see, or those and every line of ``atomic_file``.
    """

    at: int | str
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
    :param remove: do not strike while it issues: afterwards the user is deleted, and what is stored removed.
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
    remove: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Task:
    """One task of a DAG.

    :param operator: the name of its class.
    :param parameters: as the DAG gives them. ``{organization[id]}`` in a text is what the task ``organization``
        returned as ``id``.
    """

    task_id: str
    operator: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Tasks:
    """Execute the tasks of one DAG run, one after the other in one process.

    :param try_number: of each of them.
    :param struck: the only task at whose points the strike is aimed; None for all.
    :param environ: as of a :class:`Job`; so are the others.
    """

    tasks: tuple[Task, ...]
    environ: dict[str, str | None]
    try_number: int = 1
    struck: str | None = None
    in_a_task: bool = False
    strike: Strike | None = None
    uid: int | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Rotations:
    """Renew the keys at one destination or at several of one store, in one run after the other.

    :param targets: of each destination: org_id, user_id, destination, and standby_user_id where there is one.
    :param runs: the runs' own times.
    :param workers: so many threads rotate a fleet of them; 0: the first alone is rotated, without a fleet.
    :param look_first: what readers get of two users' keys is looked up before anything else, too.
    :param environ: as of a :class:`Job`; so are the others. Strikes are aimed at the last run.
    """

    targets: tuple[dict[str, str], ...]
    runs: tuple[str, ...]
    environ: dict[str, str | None]
    workers: int = 0
    look_first: bool = False
    in_a_task: bool = False
    strike: Strike | None = None
    uid: int | None = None

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "kind": "rotations"})


@dataclass(frozen=True)
class Race:
    """Be at the command of somebody who lets several such processes race, until they hang up.

    :param channel: the Unix socket at which they listen.
    :param environ: as of a :class:`Job`; so are the others.
    """

    channel: str
    environ: dict[str, str | None]
    in_a_task: bool = False
    strike: Strike | None = None
    uid: int | None = None

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "kind": "race"})


AnyJob = Job | Tasks | Rotations | Race


def read_job(text: str) -> AnyJob:
    """Return what ``to_json`` made a text of."""
    given = json.loads(text)
    given["strike"] = Strike(**given["strike"]) if given["strike"] else None
    match given.pop("kind", None):
        case "rotations":
            return Rotations(**{**given, "targets": tuple(given["targets"]), "runs": tuple(given["runs"])})
        case "race":
            return Race(**given)
    if "tasks" in given:
        given["tasks"] = tuple(Task(**task) for task in given["tasks"])
        return Tasks(**given)
    given["runs"] = tuple((forced, run_time) for forced, run_time in given["runs"])
    return Job(**given)


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    :param state: whether it ended by itself, died of a signal, or stands still.
    :param code: the exit code, or the signal.
    :param point: where the signal struck.
    :param told: what it reported itself: error; of a :class:`Job` references, record, readers_get (a fingerprint); of
        :class:`Tasks` results by task, and since: the points that it passed after the signal; of :class:`Rotations`
        whether a key was issued in the last run, what readers got before it began and get now, and the records, each by
        destination.
    """

    state: Literal["exited", "killed", "stopped"]
    code: int
    point: str | None = None
    told: dict[str, Any] = field(default_factory=dict)
