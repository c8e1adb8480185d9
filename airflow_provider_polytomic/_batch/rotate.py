"""Rotation of the keys of a batch: each key by the same issuance as a single one, several at a time.

Nothing here uses Airflow or HTTP. A rotation that stops early needs no cleanup: the records of the keys tell the next
try what is left.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from airflow_provider_polytomic._batch.rate_limiter import TICK
from airflow_provider_polytomic._batch.report import Outcome
from airflow_provider_polytomic._batch.worker_pool import WorkerPool
from airflow_provider_polytomic._issuance import check, issue
from airflow_provider_polytomic.exceptions import PolytomicError, PolytomicTaskStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_polytomic._batch.failure_budget import FailureBudget
    from airflow_provider_polytomic._batch.progress import ProgressLog
    from airflow_provider_polytomic._batch.rate_limiter import RateLimiter, StopSignal
    from airflow_provider_polytomic._batch.report import Report, Status
    from airflow_provider_polytomic._batch.targets import BatchTarget
    from airflow_provider_polytomic._issuance import PolytomicApi, Rotate
    from airflow_provider_polytomic._issuance.reference import KeyReference
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.models import Identity
    from airflow_provider_polytomic.secret_stores.base import SecretStore
    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__ = ["Rotation", "RotationOptions", "StoreOpener"]

log = logging.getLogger(__name__)

_MAX_LOGGED = 20  # failures; the report has them all


class StoreOpener(Protocol):
    """What a batch needs of :class:`~airflow_provider_polytomic.secret_stores.factory.StoreFactory`."""

    def open(self, destination: Destination, /) -> SecretStore:
        """Return the store of a destination; any thread can call it."""


@dataclass(frozen=True)
class RotationOptions:
    """What to do with each target.

    :param mode: which keys are due.
    :param hide: masks a key in the logs; several threads call it.
    :param take_over: see :func:`~airflow_provider_polytomic._issuance.issue`.
    :param check_only: report what would be done, and issue no key.
    :param retried: whether an earlier try of the run may have issued keys and ended before it reported them.
    """

    mode: Rotate
    hide: Callable[[ApiKey], None]
    take_over: bool = False
    check_only: bool = False
    retried: bool = False


class _TargetResult(NamedTuple):
    outcome: Outcome
    error: BaseException | None = None


@dataclass
class Rotation:
    """Rotation of the keys that are due. The report has each result; ``budget.reason`` says why it stopped early.

    :param polytomic: the API. It repeats no request once ``stop`` is set.
    :param stop: checked ten times a second, before each start and before each POST.
    :param max_workers: number of threads, and the maximum number of targets in progress.
    :param on_new_key: called in the thread of :meth:`run` with each key that this run issued, in this try or an earlier
        one.
    """

    polytomic: PolytomicApi
    stores: StoreOpener
    options: RotationOptions
    report: Report
    budget: FailureBudget
    limiter: RateLimiter
    progress: ProgressLog
    stop: StopSignal
    max_workers: int
    on_new_key: Callable[[BatchTarget, KeyReference], None] = lambda _target, _reference: None
    _logged: int = 0

    def run(self, targets: Iterable[BatchTarget]) -> None:
        """Rotate the keys of these targets.

        It returns early if ``stop`` is set, and passes on any exception that is raised in the calling thread. In both
        cases it starts and issues nothing more, and first waits until the threads have stored the keys that Polytomic
        issued.

        :raises PolytomicError: with ``check_only``, if Polytomic does not identify the caller.
        """
        if self.options.check_only:
            self.polytomic = _CachedIdentity(self.polytomic, self.polytomic.get_identity())
        pool = WorkerPool(self.max_workers, self._rotate_one)
        try:
            pool.start()
            self._run(pool, targets)
        except BaseException:
            self.stop.set()
            raise
        finally:
            for result in pool.drain():
                self._record_result(result)
            self.progress.finish(self.report.counts)

    def _run(self, pool: WorkerPool[BatchTarget, _TargetResult], targets: Iterable[BatchTarget]) -> None:
        """Start a target as soon as a thread is free and the limiter allows it, and record the results."""
        remaining = iter(targets)
        upcoming = next(remaining, None)
        in_progress = 0
        while in_progress or (upcoming is not None and not self._is_stopped()):
            timeout = TICK
            if upcoming is not None and in_progress < pool.size and not self._is_stopped():
                timeout = self.limiter.delay
                if not timeout:
                    self.limiter.record_start()
                    pool.submit(upcoming)
                    in_progress += 1
                    upcoming = next(remaining, None)
                    continue
            if (result := pool.next_result(min(timeout, TICK))) is not None:
                in_progress -= 1
                self._record_result(result)
            self.progress.update(self.report.counts, paused=self.limiter.pause_left)
        while upcoming is not None and not self.stop():
            self.report.add(self._not_started(upcoming))
            upcoming = next(remaining, None)

    def _is_stopped(self) -> bool:
        """Return whether nothing more is started or issued."""
        return self.budget.reason is not None or self.stop()

    def _rotate_one(self, target: BatchTarget) -> _TargetResult:
        """Rotate one key; an exception becomes a result."""
        if self._is_stopped():
            return _TargetResult(self._not_started(target))
        began = time.monotonic()
        try:
            outcome = self._check(target, began) if self.options.check_only else self._issue(target, began)
        except PolytomicTaskStoppedError:
            return _TargetResult(self._not_started(target))
        except BaseException as error:  # noqa: BLE001 (it must not affect other targets, and a thread has no caller)
            return _TargetResult(Outcome.from_error(target, error, time.monotonic() - began), error)
        return _TargetResult(outcome)

    def _not_started(self, target: BatchTarget) -> Outcome:
        """Return the outcome of a target for which no key was issued because the rotation stopped."""
        return Outcome(target, "not_started", message=self.budget.reason or "Airflow stopped the task.")

    def _record_result(self, result: _TargetResult) -> None:
        """Count and report a result, and pass on a new key."""
        outcome, error = result
        self.report.add(outcome)
        if error is not None:
            self.budget.record(error, outcome.message)
            self._log(outcome, error)
            if self.budget.reason is not None:
                self.report.stop(self.budget.reason)
        if outcome.status == "rotated" and outcome.reference is not None:
            self.on_new_key(outcome.batch_target, outcome.reference)

    def _issue(self, target: BatchTarget, began: float) -> Outcome:
        options = self.options
        reference = issue(
            self.polytomic, self.stores.open(target.destination), target.target, options.mode,
            standby=target.standby, take_over=options.take_over, hide=options.hide, stopping=self._is_stopped,
        )  # fmt: skip
        is_new = reference.is_new(options.mode.run, retried=options.retried)
        return Outcome(target, "rotated" if is_new else "kept", reference, seconds=time.monotonic() - began)

    def _check(self, target: BatchTarget, began: float) -> Outcome:
        options = self.options
        preview = check(
            self.polytomic, self.stores.open(target.destination), target.target, options.mode,
            standby=target.standby, take_over=options.take_over,
        )  # fmt: skip
        status: Status = "due" if preview.would_issue else "kept"
        return Outcome(target, status, message=preview.reason, seconds=time.monotonic() - began)

    def _log(self, outcome: Outcome, error: BaseException) -> None:
        self._logged += 1
        if self._logged > _MAX_LOGGED:
            return
        row, message = outcome.batch_target, outcome.message or ""
        user = "" if row.target.user_id in message else f" ({row.target})"
        location = "" if isinstance(error, PolytomicError) else f" Raised {_location(error)}."
        last = " Further failures are counted and reported, but not logged." if self._logged == _MAX_LOGGED else ""
        log.warning("%s: %s (%s)\n%s%s%s%s", row.destination, outcome.error, row.where, message, user, location, last)


def _location(error: BaseException) -> str:
    """Return the line of code that raised an error, to find a defect; it quotes no value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "at an unknown place"
    return f"in line {trace.tb_lineno} of {trace.tb_frame.f_code.co_filename}"


class _CachedIdentity:
    """The API with a cached identity of the caller, which a check would otherwise request for each target."""

    def __init__(self, polytomic: PolytomicApi, caller: Identity) -> None:
        self._polytomic, self._caller = polytomic, caller
        self.create_api_key = polytomic.create_api_key
        self.get_user = polytomic.get_user
        self.is_own_key = polytomic.is_own_key
        self.server_time = polytomic.server_time

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        return self._caller if api_key is None else self._polytomic.get_identity(api_key, retry_for=retry_for)
