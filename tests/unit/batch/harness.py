"""Harness that runs a rotation without an Airflow task, with a real hook, stores and threads."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._batch.failure_budget import FailureBudget
from airflow_provider_polytomic._batch.progress import ProgressLog
from airflow_provider_polytomic._batch.rate_limiter import RateLimiter, StopSignal
from airflow_provider_polytomic._batch.report import Report
from airflow_provider_polytomic._batch.rotate import Rotation, RotationOptions
from airflow_provider_polytomic._batch.targets import read_targets
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import StoreFactory
from tests.runs import renew

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["TOMORROW", "Run"]

# Later than the keys that a test issues first.
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@dataclass
class Run:
    """One rotation of these rows, and what it reported.

    :param wrap_stores: wraps the real stores for the rotation.
    :param wrap_hook: wraps the real hook for the rotation.
    """

    rows: Sequence[dict[str, str]]
    run_time: datetime = TOMORROW
    workers: int = 8
    failure_limit: int = 10
    retried: bool = False
    check_only: bool = False
    retry_for: float = 30.0
    stop: StopSignal = field(default_factory=StopSignal)
    wrap_stores: Callable[[StoreFactory], Any] = lambda stores: stores
    wrap_hook: Callable[[PolytomicHook], Any] = lambda hook: hook
    hidden: list[ApiKey] = field(default_factory=list)
    new_keys_of: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    reason: str | None = None
    retryable: bool = False

    def go(self) -> dict[str, Any]:
        """Rotate, and return the summary."""
        hook = PolytomicHook(
            retry_for=self.retry_for,
            pool_size=self.workers,
            stopping=self.stop,
            on_rate_limited=self.limiter.pause,
            clock=Clock(sleep=self.stop.sleep),
        )
        targets, budget = read_targets(self.rows, conn_id="polytomic_default"), FailureBudget(self.failure_limit)
        report = Report(None, server=hook.base_url, targets=len(targets))
        with closing(hook), report:
            try:
                Rotation(
                    self.wrap_hook(hook),
                    self.wrap_stores(StoreFactory(issuer=hook.base_url)),
                    RotationOptions(
                        renew(self.run_time), self.hidden.append, check_only=self.check_only, retried=self.retried
                    ),
                    report,
                    budget,
                    self.limiter,
                    ProgressLog(len(targets), self.lines.append),
                    self.stop,
                    self.workers,
                    on_new_key=lambda target, _reference: self.new_keys_of.append(target.target.user_id),
                ).run(targets)
            finally:
                self.reason, self.retryable = budget.reason, budget.retryable
                self.summary = report.summary()
        return self.summary
