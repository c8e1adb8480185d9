"""Processing of one request: authentication, idempotency, faults, effect, in this order.

One lock guards everything that reads or changes the state, so each effect is atomic. Late effects need no timer: they
are applied in the order of their times, before the state is read again.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NoReturn

from airflow_provider_polytomic.testing.api_request import ApiRequest
from airflow_provider_polytomic.testing.auth import Caller, authenticate
from airflow_provider_polytomic.testing.endpoints import UNKNOWN, Endpoint, find_endpoint
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.fault_effects import Reply, apply_fault, prevents_effect
from airflow_provider_polytomic.testing.fault_queue import FaultQueue
from airflow_provider_polytomic.testing.request_log import ReceivedRequest, RequestLog
from airflow_provider_polytomic.testing.responses import check_version, render

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.faults import Fault
    from airflow_provider_polytomic.testing.idempotency import Claim, IdempotencyKeys
    from airflow_provider_polytomic.testing.state import State

__all__ = ["Dispatcher", "Pause"]

Pause = Callable[[float], Awaitable[None]]

_UNDECIDED: Final = object()


@dataclass(slots=True, eq=False)
class _Job:
    """What is known about one request so far."""

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
        """Whether the request reaches its endpoint; it does not if it is rejected or replayed."""
        return self.decided is _UNDECIDED

    @property
    def users(self) -> set[str]:
        """The ids that a fault for one user is compared with: the id in the path, and the caller's own."""
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
    """The emulated Polytomic, without a network.

    :param state: what exists.
    :param idempotency: the remembered outcomes.
    :param clock: seconds, monotonic.
    :param delay: seconds that every request takes before its effect.
    :param replay_values: whether the replayed outcome of Create API Key contains the key; not documented.
    """

    def __init__(
        self,
        state: State,
        idempotency: IdempotencyKeys,
        clock: Callable[[], float],
        *,
        delay: float,
        replay_values: bool,
    ) -> None:
        self.state = state
        self.faults = FaultQueue()
        self.log = RequestLog()
        self._idempotency = idempotency
        self._clock = clock
        self._delay = delay
        self._replay_values = replay_values
        self._late: list[tuple[float | None, _Job]] = []
        self._lock = threading.RLock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock, after applying every late effect that is due."""
        with self._lock:
            now = self._clock()
            due = sorted((at, number) for number, (at, _) in enumerate(self._late) if at is not None and at <= now)
            self._apply([self._late[number] for _, number in due])
            yield

    def release(self) -> None:
        """Apply every late effect now, in the order of the requests."""
        with self.locked():
            self._apply(list(self._late))

    def count_late(self) -> int:
        """Return the number of late effects that are not applied yet."""
        return len(self._late)

    async def reply(self, request: ReceivedRequest, path: str, ids: Mapping[str, str], pause: Pause) -> Reply:
        """Process one request.

        :param request: the request as it arrived, before its endpoint is known.
        :param path: the pattern that its path matches.
        :param ids: the variable parts of the path.
        :param pause: waits for a number of seconds.
        """
        with self.locked():
            job = self._admit(_Job(request, ids), path)
        await pause(self._delay + job.seconds("before"))
        with self.locked():
            reply = self._respond(job)
            self.log.record_status(job.number, reply.response.status if reply.response else None)
        await pause(job.seconds("after"))
        return reply

    def _admit(self, job: _Job, path: str) -> _Job:
        try:
            check_version(job.request.headers)
            job.endpoint = find_endpoint(path, job.request.method)
        except RefusalError as refusal:
            job.decided = refusal
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
        """Set the caller of the request."""
        try:
            job.caller = authenticate(self.state, job.credential)
        except RefusalError as refusal:
            job.decided = refusal

    def _recall(self, job: _Job) -> None:
        """Set the outcome that the caller already has for this Idempotency-Key."""
        key = _idempotency_key(job)
        try:
            earlier = None if key is None else self._idempotency.find(job.credential, key)
        except RefusalError as refusal:
            job.decided = refusal
            return
        if earlier is not None:
            job.decided = self._replay(job, earlier.outcome)

    def _replay(self, job: _Job, outcome: object) -> object:
        is_key = (
            job.endpoint is not None and job.endpoint.name == "create_api_key" and not isinstance(outcome, RefusalError)
        )
        return {} if is_key and not self._replay_values else outcome

    def _respond(self, job: _Job) -> Reply:
        fault = job.fault
        if fault is not None and prevents_effect(fault):
            return apply_fault(fault, None)
        if fault is not None and fault.kind == "late":
            self._late.append((None if fault.seconds is None else self._clock() + fault.seconds, job))
            return Reply(render(RefusalError(504, "the upstream server did not respond in time")))
        response = render(self._outcome(job))
        return Reply(response) if fault is None else apply_fault(fault, response)

    def _outcome(self, job: _Job) -> object:
        if not job.acts or job.endpoint is None or job.caller is None:
            return job.decided
        fails = job.fault is not None and job.fault.kind == "recorded_500"
        handler = _fail if fails else job.endpoint.handler
        try:
            outcome = handler(self.state, job.caller, ApiRequest(job.request, job.ids))
        except RefusalError as refusal:
            outcome = refusal.with_traceback(None)
        if job.claim is not None:
            self._idempotency.finish(job.claim, outcome)
        return outcome

    def _apply(self, late: list[tuple[float | None, _Job]]) -> None:
        for entry in late:
            self._late.remove(entry)
            self._outcome(entry[1])


def _fail(_state: State, _caller: Caller, _request: ApiRequest) -> NoReturn:
    raise RefusalError(500, "internal server error")


def _idempotency_key(job: _Job) -> str | None:
    """Return the Idempotency-Key; it has no effect except with POST, as the guide says."""
    return job.request.idempotency_key if job.request.method == "POST" else None
