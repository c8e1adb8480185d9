"""What happens to one request, from its arrival to its answer? Credentials, idempotency, faults, effect, in this order.

Everything that reads or changes state happens under one lock, so that each effect is one step. Late effects need no
timer: they are applied, in the order of their times, before anybody looks at the state again.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NoReturn

from airflow_provider_polytomic.testing.api_request import Call
from airflow_provider_polytomic.testing.auth import Caller, authenticate
from airflow_provider_polytomic.testing.endpoints import UNKNOWN, Endpoint, find_endpoint
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.fault_effects import Reply, prevents_effect, spoiled
from airflow_provider_polytomic.testing.fault_queue import FaultQueue
from airflow_provider_polytomic.testing.request_log import ReceivedRequest, RequestLog
from airflow_provider_polytomic.testing.responses import check_version, render

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.faults import Fault
    from airflow_provider_polytomic.testing.idempotency import Claim, IdempotencyKeys
    from airflow_provider_polytomic.testing.state import World

__all__ = ["Dispatcher", "Pause"]

Pause = Callable[[float], Awaitable[None]]

_UNDECIDED: Final = object()


@dataclass(slots=True, eq=False)
class _Job:
    """One request on its way: what is known of it so far."""

    request: ReceivedRequest
    ids: Mapping[str, str]
    endpoint: Endpoint | None = None
    caller: Caller | None = None
    decided: object = _UNDECIDED
    fault: Fault | None = None
    claim: Claim | None = None
    number: int = 0

    @property
    def acts(self) -> bool:
        """Whether the request reaches its endpoint, rather than be refused or be given an earlier outcome."""
        return self.decided is _UNDECIDED

    @property
    def users(self) -> set[str]:
        """The ids that faults aimed at a user are compared with: the one in the path, and the caller's own."""
        caller = self.caller.user if self.caller else None
        return {user_id for user_id in (self.ids.get("id"), caller and caller.id) if user_id}

    @property
    def credential(self) -> str:
        return self.request.headers.get("authorization", "")

    def seconds(self, when: str) -> float:
        if self.fault is None or self.fault.kind != "delay" or self.fault.when != when:
            return 0
        return self.fault.seconds or 0


class Dispatcher:
    """The emulated Polytomic without its network.

    :param world: what exists.
    :param idempotency: the outcomes that are remembered.
    :param clock: seconds, monotonic.
    :param delay: seconds that every request takes before its effect.
    :param replay_values: whether the repeated outcome of Create API Key holds the key, which is not documented.
    """

    def __init__(
        self,
        world: World,
        idempotency: IdempotencyKeys,
        clock: Callable[[], float],
        *,
        delay: float,
        replay_values: bool,
    ) -> None:
        self.world = world
        self.faults = FaultQueue()
        self.log = RequestLog()
        self._idempotency = idempotency
        self._clock = clock
        self._delay = delay
        self._replay_values = replay_values
        self._held: list[tuple[float | None, _Job]] = []
        self._lock = threading.RLock()

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Hold the lock, with every late effect applied that is due."""
        with self._lock:
            now = self._clock()
            due = sorted((at, number) for number, (at, _) in enumerate(self._held) if at is not None and at <= now)
            self._apply([self._held[number] for _, number in due])
            yield

    def release(self) -> None:
        """Apply every held effect now, in the order of the requests."""
        with self.settled():
            self._apply(list(self._held))

    def held(self) -> int:
        """Return how many effects are held back."""
        return len(self._held)

    async def reply(self, request: ReceivedRequest, path: str, ids: Mapping[str, str], pause: Pause) -> Reply:
        """Treat one request.

        :param request: as it arrived; its endpoint is not known yet.
        :param path: the pattern that its path matches.
        :param ids: the variable parts of the path.
        :param pause: how to wait.
        """
        with self.settled():
            job = self._admitted(_Job(request, ids), path)
        await pause(self._delay + job.seconds("before"))
        with self.settled():
            reply = self._answered(job)
            self.log.answered(job.number, reply.answer.status if reply.answer else None)
        await pause(job.seconds("after"))
        return reply

    def _admitted(self, job: _Job, path: str) -> _Job:
        try:
            check_version(job.request.headers)
            job.endpoint = find_endpoint(path, job.request.method)
        except RefusalError as problem:
            job.decided = problem
        name = job.endpoint.name if job.endpoint else UNKNOWN
        job.number = self.log.add(replace(job.request, endpoint=name))
        if job.acts:
            self._identify(job)
        if self.faults.take_forget(name, job.users):
            self._idempotency.forget()
        if job.acts:
            self._recall(job)
        job.fault = self.faults.take(name, job.users, acts=job.acts)
        key = _idempotency_key(job)
        if job.acts and key is not None and not prevents_effect(job.fault):
            job.claim = self._idempotency.claim(job.credential, key)
        return job

    def _identify(self, job: _Job) -> None:
        """Find the caller."""
        try:
            job.caller = authenticate(self.world, job.credential)
        except RefusalError as problem:
            job.decided = problem

    def _recall(self, job: _Job) -> None:
        """Find what the caller was answered before under the same Idempotency-Key."""
        key = _idempotency_key(job)
        try:
            earlier = None if key is None else self._idempotency.find(job.credential, key)
        except RefusalError as problem:
            job.decided = problem
            return
        if earlier is not None:
            job.decided = self._replayed(job, earlier.outcome)

    def _replayed(self, job: _Job, outcome: object) -> object:
        is_key = (
            job.endpoint is not None and job.endpoint.name == "create_api_key" and not isinstance(outcome, RefusalError)
        )
        return {} if is_key and not self._replay_values else outcome

    def _answered(self, job: _Job) -> Reply:
        fault = job.fault
        if fault is not None and prevents_effect(fault):
            return spoiled(fault, None)
        if fault is not None and fault.kind == "late":
            self._held.append((None if fault.seconds is None else self._clock() + fault.seconds, job))
            return Reply(render(RefusalError(504, "the upstream server did not answer in time")))
        answer = render(self._outcome(job))
        return Reply(answer) if fault is None else spoiled(fault, answer)

    def _outcome(self, job: _Job) -> object:
        if not job.acts or job.endpoint is None or job.caller is None:
            return job.decided
        broken = job.fault is not None and job.fault.kind == "recorded_500"
        handler = _fail if broken else job.endpoint.handler
        try:
            outcome = handler(self.world, job.caller, Call(job.request, job.ids))
        except RefusalError as problem:
            outcome = problem.with_traceback(None)
        if job.claim is not None:
            self._idempotency.finish(job.claim, outcome)
        return outcome

    def _apply(self, held: list[tuple[float | None, _Job]]) -> None:
        for entry in held:
            self._held.remove(entry)
            self._outcome(entry[1])


def _fail(_world: World, _caller: Caller, _call: Call) -> NoReturn:
    raise RefusalError(500, "internal server error")


def _idempotency_key(job: _Job) -> str | None:
    """Return the key that counts: the guide is about POST, and elsewhere the header has no effect."""
    return job.request.idempotency_key if job.request.method == "POST" else None
