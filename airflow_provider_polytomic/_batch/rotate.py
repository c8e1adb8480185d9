"""Rotation of the keys of a fleet: each by the same issuance as a single one, several at a time.

Nothing here knows Airflow or HTTP. A rotation that ends early leaves nothing to be tidied up: the records beside the
destinations tell the next try what is left.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from airflow_provider_polytomic._batch.report import Outcome
from airflow_provider_polytomic._batch.worker_pool import WorkerPool
from airflow_provider_polytomic._issuance import check, issue
from airflow_provider_polytomic.exceptions import PolytomicError, PolytomicTaskStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_polytomic._batch.failure_budget import FailureBudget
    from airflow_provider_polytomic._batch.progress import Progress
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

# Seconds between two looks at whether the task is to end.
_TICK = 0.1
_MAX_LOGGED = 20  # failures, one line each; the report has them all


class StoreOpener(Protocol):
    """What a fleet needs of :class:`~airflow_provider_polytomic.secret_stores.factory.Stores`."""

    def open(self, destination: Destination, /) -> SecretStore:
        """Return the store that holds a destination; from any thread."""


@dataclass(frozen=True)
class RotationOptions:
    """What is to be done with each target.

    :param mode: which keys are due.
    :param hide: masks a key in the logs; called by several threads.
    :param take_over: as of :func:`~airflow_provider_polytomic._issuance.issue`.
    :param check_only: find out what would be done, and issue nothing.
    :param retried: an earlier try of the run may have issued keys, and died before it could tell of them.
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
    """Rotates what is due. What became of each target is in the report, and why it ended early in ``failures.reason``.

    :param max_workers: threads, and the most targets that are under way at a time.
    :param stop: looked at ten times a second, before each start and before each POST. The vendor is to repeat nothing
        any more once it says so.
    :param on_new_key: called, in the thread that calls :meth:`run`, with each key that this run issued, in this try or
        an earlier one.
    """

    vendor: PolytomicApi
    stores: StoreOpener
    orders: RotationOptions
    report: Report
    failures: FailureBudget
    pace: RateLimiter
    progress: Progress
    stop: StopSignal
    max_workers: int
    on_new_key: Callable[[BatchTarget, KeyReference], None] = lambda _target, _reference: None
    _logged: int = 0

    def run(self, fleet: Iterable[BatchTarget]) -> None:
        """Rotate the fleet.

        Returns early once ``stop`` says so, and whatever is raised in the calling thread gets through: in both cases
        without starting or issuing anything new, and not before the threads have stored what they had Polytomic issue.

        :raises PolytomicError: when only checking, if Polytomic does not say who the caller is.
        """
        if self.orders.check_only:
            self.vendor = _CachedIdentity(self.vendor, self.vendor.get_identity())
        crew = WorkerPool(self.max_workers, self._do)
        try:
            crew.assemble()
            self._run(crew, fleet)
        except BaseException:
            self.stop.now()
            raise
        finally:
            for result in crew.close():
                self._settle(result)
            self.progress.finish(self.report.counts)

    def _run(self, crew: WorkerPool[BatchTarget, _TargetResult], fleet: Iterable[BatchTarget]) -> None:
        """Start one target after the other, as soon as a thread is free and the pace allows, and settle the results."""
        targets = iter(fleet)
        upcoming = next(targets, None)
        under_way = 0
        while under_way or (upcoming is not None and not self._is_over()):
            wait = _TICK
            if upcoming is not None and under_way < crew.size and not self._is_over():
                wait = self.pace.wait()
                if not wait:
                    self.pace.started()
                    crew.start(upcoming)
                    under_way += 1
                    upcoming = next(targets, None)
                    continue
            if (result := crew.finished(min(wait, _TICK))) is not None:
                under_way -= 1
                self._settle(result)
            self.progress.update(self.report.counts, paused=self.pace.paused)
        while upcoming is not None and not self.stop():
            self.report.add(self._not_started(upcoming))
            upcoming = next(targets, None)

    def _is_over(self) -> bool:
        """Whether nothing is to be started or issued any more."""
        return self.failures.reason is not None or self.stop()

    def _do(self, target: BatchTarget) -> _TargetResult:
        """Rotate one key; whatever is raised is a result."""
        if self._is_over():
            return _TargetResult(self._not_started(target))
        began = time.monotonic()
        try:
            outcome = self._check(target, began) if self.orders.check_only else self._issue(target, began)
        except PolytomicTaskStoppedError:
            return _TargetResult(self._not_started(target))
        except BaseException as error:  # noqa: BLE001 (one target's trouble is not the others', and a thread has no caller)
            return _TargetResult(Outcome.failed(target, error, time.monotonic() - began), error)
        return _TargetResult(outcome)

    def _not_started(self, target: BatchTarget) -> Outcome:
        """Return the outcome of a target for which nothing was issued, because it is over."""
        return Outcome(target, "not_started", message=self.failures.reason or "The task was told to end.")

    def _settle(self, result: _TargetResult) -> None:
        """Count a result, write it down, and tell of a new key."""
        outcome, error = result
        self.report.add(outcome)
        if error is not None:
            self.failures.failed(error, outcome.message)
            self._log(outcome, error)
            if self.failures.reason is not None:
                self.report.stop(self.failures.reason)
        if outcome.status == "rotated" and outcome.reference is not None:
            self.on_new_key(outcome.fleet_target, outcome.reference)

    def _issue(self, target: BatchTarget, began: float) -> Outcome:
        orders = self.orders
        reference = issue(
            self.vendor, self.stores.open(target.destination), target.target, orders.mode,
            standby=target.standby, take_over=orders.take_over, hide=orders.hide, stopping=self._is_over,
        )  # fmt: skip
        is_new = reference.is_new(orders.mode.run, retried=orders.retried)
        return Outcome(target, "rotated" if is_new else "kept", reference, seconds=time.monotonic() - began)

    def _check(self, target: BatchTarget, began: float) -> Outcome:
        orders = self.orders
        prospect = check(
            self.vendor, self.stores.open(target.destination), target.target, orders.mode,
            standby=target.standby, take_over=orders.take_over,
        )  # fmt: skip
        status: Status = "due" if prospect.would_issue else "kept"
        return Outcome(target, status, message=prospect.reason, seconds=time.monotonic() - began)

    def _log(self, outcome: Outcome, error: BaseException) -> None:
        self._logged += 1
        if self._logged > _MAX_LOGGED:
            return
        more = "" if isinstance(error, PolytomicError) else f" ({_where_raised(error)})"
        last = " Further failures are counted, and in the report." if self._logged == _MAX_LOGGED else ""
        log.warning("%s: %s: %s%s%s", outcome.fleet_target, outcome.error, outcome.message, more, last)


def _where_raised(error: BaseException) -> str:
    """Say where, for whoever mends a defect; a place in the code quotes nothing."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "raised nobody knows where"
    return f"raised in line {trace.tb_lineno} of {trace.tb_frame.f_code.co_filename}"


class _CachedIdentity:
    """A vendor who has been asked already who the caller is, which a check would ask for each target."""

    def __init__(self, vendor: PolytomicApi, caller: Identity) -> None:
        self._vendor, self._caller = vendor, caller
        self.create_api_key = vendor.create_api_key
        self.get_user = vendor.get_user
        self.is_own_key = vendor.is_own_key
        self.server_time = vendor.server_time

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        return self._caller if api_key is None else self._vendor.get_identity(api_key, retry_for=retry_for)
