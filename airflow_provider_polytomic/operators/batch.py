"""Operator that rotates the keys of many customers in one task, in threads.

The function ``read_targets`` and the class ``Rotation`` do the work.
To keep DAG parsing fast, ``execute`` imports what only a running task needs.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicTaskStoppedError,
)
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean, to_duration, to_optional, to_shard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_polytomic._batch.failure_budget import FailureBudget
    from airflow_provider_polytomic._batch.rate_limiter import RateLimiter, StopSignal
    from airflow_provider_polytomic._batch.report import Report
    from airflow_provider_polytomic._batch.rotate import RotationOptions, StoreOpener
    from airflow_provider_polytomic._batch.targets import BatchTarget, TargetList
    from airflow_provider_polytomic._issuance.reference import KeyReference
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.operators._events import KeyEvents

__all__ = ["PolytomicBatchRotateApiKeysOperator"]


class PolytomicBatchRotateApiKeysOperator(PolytomicOperator):
    """Rotate the stored Polytomic API keys of many users that have reached ``max_age`` or no longer work.

    Returns a summary: the number of ``targets``, how many were ``rotated``, ``kept``, ``failed`` and ``not_started``,
    the duration, why the rotation ``stopped``, and up to 20 of the ``failures``. XCom has it under the key ``summary``
    even if the task fails, except if a parameter, the connection or the targets are rejected, or the process is killed.
    The full list goes to ``report_path``. Neither contains a key. With ``outlets=[api_keys_alias()]``, each new key
    also emits an event of :func:`~airflow_provider_polytomic.assets.api_key_asset` once the task succeeds.

    A key is due as for :class:`~airflow_provider_polytomic.operators.api_keys.PolytomicRotateApiKeyOperator`. All
    targets are checked before any request is sent: an invalid target, or two targets with the same user or destination,
    fail the task. A target that fails later does not stop the others. If any target fails, so does the task, and a
    retry does only what is left. Set ``retries``.

    To distribute the keys over several workers, map ``shard`` over ``list(range(8))`` and set ``shards=8``.

    .. seealso::
        ``docs/rotate-many-keys.md``

    :param targets: a list of ``{"org_id", "user_id", "destination"[, "standby_user_id"]}``, or the address of a JSON
        Lines or CSV file that Airflow's ``ObjectStoragePath`` can open, such as
        ``s3://aws_default@bucket/targets.jsonl``. (templated)
    :param max_age: rotate a key of this age: a ``timedelta``, or seconds. With zero, each run rotates each key once.
        (templated)
    :param max_workers: number of threads, from 1 to 32. Defaults to 8. (templated)
    :param max_per_second: maximum number of targets started per second, on average. A 429 from Polytomic pauses all
        starts for the time in its ``Retry-After``. Defaults to None, no limit. (templated)
    :param max_failures: start no more targets after this number of failures of one kind, such as a store that is down
        or a rejected partner key. A failure that concerns one target only, such as a deleted user, does not count,
        unless a key was issued before it. Defaults to 10. (templated)
    :param check_only: report which keys are due and whether they can be issued and stored, and issue no key. Defaults
        to ``False``. (templated)
    :param take_over: replace the value at a destination even if this provider did not issue it or its age is unknown.
        Defaults to ``False``. (templated)
    :param report_path: path, or URI for ``ObjectStoragePath``, of a file with a line of JSON for each target. Its name
        ends in ``.jsonl`` and does not begin with a dot. Each of several shards has its own file. Only an earlier
        report is overwritten. (templated)
    :param shard: the part of the targets that this task rotates, from 0. Defaults to 0. (templated)
    :param shards: number of parts that the targets are split into. Defaults to 1. (templated)
    :param allow_failures: succeed despite failed targets once no retry is left or a retry cannot help, except if
        ``max_failures`` stopped the task. Set it if DAGs are scheduled on the keys, because only a task that succeeds
        emits their events. Defaults to ``False``. (templated)
    :param polytomic_conn_id: the connection (``docs/connection.md``) with the partner key that issues the keys. It is
        rejected as a destination. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "targets", "max_age", "max_workers", "max_per_second", "max_failures", "check_only", "take_over", "report_path",
        "shard", "shards", "allow_failures", *PolytomicOperator.template_fields,
    )  # fmt: skip
    _map_index_field = "shard"
    _acting_fields = frozenset({"check_only", "take_over", "shard", "shards", "allow_failures"})

    def __init__(
        self,
        *,
        targets: Sequence[Mapping[str, Any]] | str,
        max_age: timedelta | float | str,
        max_workers: int | str | None = None,
        max_per_second: float | str | None = None,
        max_failures: int | str | None = None,
        check_only: bool | str | None = None,
        take_over: bool | str | None = None,
        report_path: str | None = None,
        shard: int | str | None = None,
        shards: int | str | None = None,
        allow_failures: bool | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.targets = targets
        self.max_age = max_age
        self.max_workers = max_workers
        self.max_per_second = max_per_second
        self.max_failures = max_failures
        self.check_only = check_only
        self.take_over = take_over
        self.report_path = report_path
        self.shard = shard
        self.shards = shards
        self.allow_failures = allow_failures
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    @property
    def _shard(self) -> tuple[int, int]:
        """The index of the shard, and the number of shards."""
        return to_shard(self.shard, self.shards)

    def _run(self, context: Context) -> dict[str, Any]:
        """Rotate the keys with a hook for many threads; a 429 to any of them delays the start of all targets."""
        from airflow_provider_polytomic._batch.rate_limiter import RateLimiter, StopSignal
        from airflow_provider_polytomic._support.clock import Clock
        from airflow_provider_polytomic.operators._fields import to_rate, to_workers

        # Not attributes of the operator: it must stay picklable, and the limiter has a lock.
        stop, limiter = StopSignal(self._is_killed), RateLimiter(to_rate(self.max_per_second))
        hook = self._make_hook(
            pool_size=to_workers(self.max_workers),
            stopping=stop,
            on_rate_limited=limiter.pause,
            clock=Clock(sleep=stop.sleep),
        )
        with closing(hook):
            return self._rotate_targets(hook, limiter, stop, context)

    def _make_stores(self, server: str) -> StoreOpener:
        from airflow_provider_polytomic.secret_stores.factory import StoreFactory

        return StoreFactory(issuer=server)

    def _rotate_targets(
        self, hook: PolytomicHook, limiter: RateLimiter, stop: StopSignal, context: Context
    ) -> dict[str, Any]:
        """Rotate the keys that are due, push the summary, and return it."""
        from airflow_provider_polytomic._batch.failure_budget import FailureBudget
        from airflow_provider_polytomic._batch.report import Report
        from airflow_provider_polytomic._batch.targets import read_targets
        from airflow_provider_polytomic.operators._events import KeyEvents
        from airflow_provider_polytomic.operators._fields import to_max_failures

        options, budget = self._options(context), FailureBudget(to_max_failures(self.max_failures))
        events = KeyEvents(context, self.outlets)
        to_boolean("allow_failures", self.allow_failures)
        if not options.check_only and not self.retries:
            self._warn_about_no_retries("All targets of this task")
        shard, shards = self._shard
        targets = read_targets(self.targets, shard=shard, shards=shards, conn_id=self._conn_id())
        report = Report(
            to_optional("report_path", self.report_path),
            # The connection is read here, because Airflow expects that of the main thread.
            server=hook.base_url,
            targets=len(targets),
            shard=shard,
            shards=shards,
            targets_file=targets.file,
        )
        try:
            with report:
                self._rotate(hook, targets, options, limiter, stop, report=report, budget=budget, events=events)
        finally:
            summary = report.summary()
            self._push(context["ti"], summary)
        if "report_path" in summary:
            self.log.info("The report is in %s.", summary["report_path"])
        return self._end(summary, budget, context)

    def _set_map_index_name(self, context: Context) -> None:
        """Name a mapped task instance after its shard if there are several."""
        if self._shard[1] > 1:
            super()._set_map_index_name(context)

    def _describe(self) -> dict[str, str]:
        """Return the shard, if there are several."""
        shard, shards = self._shard
        return {} if shards == 1 else {"shard": f"{shard} of {shards} shards"}

    def _options(self, context: Context) -> RotationOptions:
        from airflow_provider_polytomic._airflow.masking import BoundedMasker, mask_secret
        from airflow_provider_polytomic._batch.rotate import RotationOptions
        from airflow_provider_polytomic._issuance import Rotate
        from airflow_provider_polytomic.operators._dag_run import current_run

        return RotationOptions(
            Rotate(current_run(context), max_age=to_duration("max_age", self.max_age)),
            hide=BoundedMasker(mask_secret),
            take_over=to_boolean("take_over", self.take_over),
            check_only=to_boolean("check_only", self.check_only),
            retried=self._is_retried(context),
        )

    def _rotate(
        self,
        hook: PolytomicHook,
        targets: TargetList,
        options: RotationOptions,
        limiter: RateLimiter,
        stop: StopSignal,
        *,
        report: Report,
        budget: FailureBudget,
        events: KeyEvents,
    ) -> None:
        from airflow_provider_polytomic._batch.progress import ProgressLog
        from airflow_provider_polytomic._batch.rotate import Rotation
        from airflow_provider_polytomic.operators._fields import to_workers

        workers, server = to_workers(self.max_workers), hook.base_url
        self.log.info("Targets of this task: %d of %d; threads: %d.", len(targets), targets.total, workers)

        def emit(target: BatchTarget, reference: KeyReference) -> None:
            destination = str(target.destination)
            events.emit_event(destination, reference.to_json(destination, server=server))

        Rotation(
            hook, self._make_stores(server), options, report, budget, limiter,
            ProgressLog(len(targets), self.log.info), stop, workers, on_new_key=emit,
        ).run(targets)  # fmt: skip
        events.warn_about_dropped_events()

    def _end(self, summary: dict[str, Any], budget: FailureBudget, context: Context) -> dict[str, Any]:
        """Return the summary, or fail the task.

        :raises PolytomicTaskStoppedError: if Airflow stops the task.
        :raises IssuanceIncompleteError: if a retry may help.
        :raises IssuanceRefusedError: if a retry cannot help.
        """
        failed, left = summary["failed"], summary["not_started"]
        if not failed and not left:
            return summary
        if self._is_killed():
            raise PolytomicTaskStoppedError(
                f"Airflow stopped the task: {summary['rotated']} keys were rotated, {left} targets were not started. "
                "Each issued key is stored, or the record beside its destination names it. The next try does what is "
                "left.",
                reason="stopped",
            )
        # An earlier try may have left a target half done that was not started now.
        can_retry_help = budget.retryable or left > 0
        is_retried = can_retry_help and context["ti"].try_number <= getattr(context["ti"], "max_tries", 0)
        if to_boolean("allow_failures", self.allow_failures) and not left and not is_retried:
            self.log.warning(
                "%d of %d targets failed; the task succeeds because of allow_failures\n%s",
                failed,
                summary["targets"],
                _describe_failures(summary),
            )
            return summary
        if can_retry_help:
            raise IssuanceIncompleteError(
                f"{_describe_failures(summary)} A retry does only what is left.",
                reason="max_failures" if "stopped" in summary else "targets_failed",
            )
        raise IssuanceRefusedError(
            f"{_describe_failures(summary)} A retry cannot help. Fix the failures; the next run, or this run after a "
            "clear, then does what is left.",
            reason="targets_failed",
        )

    def _push(self, ti: Any, summary: dict[str, Any]) -> None:
        """Push the summary unless the task pushes nothing; an error here must not replace another one."""
        if not self.do_xcom_push:
            return
        try:
            ti.xcom_push(key="summary", value=summary)
        except Exception as error:  # noqa: BLE001 (Airflow and XCom backends raise any class)
            self.log.warning("The summary could not be pushed to XCom (%s).", type(error).__name__)


def _describe_failures(summary: Mapping[str, Any]) -> str:
    done = summary["rotated"] + summary["kept"] + summary["due"]
    stopped = f" The rotation stopped: {summary['stopped']}" if "stopped" in summary else ""
    first = next(iter(summary["failures"]), None)
    example = f" The first failure: {first['destination']}: {first['error']}: {first['message']}" if first else ""
    where = summary.get("report_path", "XCom (summary)")
    return (
        f"{summary['failed']} of {summary['targets']} targets failed and {summary['not_started']} were not started; "
        f"the other {done} succeeded.{stopped or example} All failures are in {where}."
    )
