"""Operator that rotates the keys of many customers in one task, in threads.

The hard parts are behind ``read_targets`` and ``Rotation``.
A DAG file that imports this module imports little else: what only a running task needs is imported by ``execute``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicTaskStoppedError,
)
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean, to_duration, to_optional, to_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

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
    """Renew the stored Polytomic API keys of a fleet that have reached ``max_age``, or do not answer any more.

    Returns a summary: how many ``targets`` there are, how many of them were ``rotated``, ``kept``, ``failed`` and
    ``not_started``, the time it took, why it ``stopped``, and up to 20 of the ``failures``. It is in XCom under the key
    ``summary``, also where the task fails, but not where a parameter, the connection or the targets are refused, or the
    process is killed. The full list goes to ``report_path``. No key is in either. With ``outlets=[api_keys_alias()]``,
    a new key is an event of :func:`~airflow_provider_polytomic.assets.api_key_asset`, emitted once the task succeeds.

    What is due is told as by :class:`~airflow_provider_polytomic.operators.api_keys.PolytomicRotateApiKeyOperator`. All
    targets are checked before anything is sent: one that cannot be meant, or two of one user or one destination, fail
    the task. A target that fails later does not stop the others. If any has failed, so does the task; a retry does only
    what is left. Give the task ``retries``.

    To spread a fleet over several workers, map ``shard`` over ``list(range(8))`` and give ``shards=8``.

    .. seealso::
        ``docs/rotate-many-keys.md``

    :param targets: a list of ``{"org_id", "user_id", "destination"[, "standby_user_id"]}``, or the address of a JSON
        Lines or CSV file that Airflow's ``ObjectStoragePath`` reads, such as ``s3://aws_default@bucket/fleet.jsonl``.
        (templated)
    :param max_age: a younger key is kept: a ``timedelta``, or seconds; zero rotates once in each run. (templated)
    :param max_workers: threads, from 1 to 32; by default 8. (templated)
    :param max_per_second: targets that are started each second, on average; None for no limit. A 429 of Polytomic's
        pauses all starts for as long as it asks. (templated)
    :param max_failures: after so many failures of one kind (the store is down, the partner key is refused) nothing new
        is started: a whole number, by default 10. What speaks of one target alone, such as a user who is gone, does not
        count, unless a key was issued before it came to light. (templated)
    :param check_only: say of the whole fleet what is due and whether it could be done, and issue nothing; by default
        ``False``. (templated)
    :param take_over: replace what a destination holds even if it was not issued here, or nothing tells its age; by
        default ``False``. (templated)
    :param report_path: where a line of JSON for each target is written, as by ``ObjectStoragePath``; of several shards
        each has its own file. Only a report of an earlier try or run is overwritten. (templated)
    :param shard: which part of the targets this task has, from 0, the default. (templated)
    :param shards: in how many parts they are split; by default 1. (templated)
    :param allow_failures: succeed though targets failed, once no retry is left, or none would help; not where
        ``max_failures`` has stopped it. Set it if anything is scheduled on the keys: their events are emitted by a task
        that succeeds. By default ``False``. (templated)
    :param polytomic_conn_id: the connection (``docs/connection.md``) whose partner key issues; it is refused as a
        destination; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "targets", "max_age", "max_workers", "max_per_second", "max_failures", "check_only", "take_over", "report_path",
        "shard", "shards", "allow_failures", *PolytomicOperator.template_fields,
    )  # fmt: skip
    _map_index_field = "shard"
    # Made with the hook, which they hold up.
    _stop: StopSignal
    _pace: RateLimiter

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

    def _make_hook(self) -> PolytomicHook:
        """Return a hook for many threads, whose 429s hold up the start of every target."""
        from airflow_provider_polytomic._batch.rate_limiter import RateLimiter, StopSignal
        from airflow_provider_polytomic._support.clock import Clock
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
        from airflow_provider_polytomic.operators._fields import to_rate, to_workers

        self._stop, self._pace = StopSignal(self._is_killed), RateLimiter(to_rate(self.max_per_second))
        return PolytomicHook(
            self._conn_id(),
            retry_for=to_seconds("retry_for", self.retry_for),
            pool_size=to_workers(self.max_workers),
            stopping=self._stop,
            on_rate_limited=self._pace.pause,
            clock=Clock(sleep=self._stop.sleep),
        )

    def _make_stores(self, server: str) -> StoreOpener:
        from airflow_provider_polytomic.secret_stores.factory import StoreFactory

        return StoreFactory(issuer=server)

    def _perform(self, hook: PolytomicHook, context: Any, /) -> dict[str, Any]:
        """Rotate what is due, push the summary, and return it."""
        from airflow_provider_polytomic._batch.failure_budget import FailureBudget
        from airflow_provider_polytomic._batch.report import Report
        from airflow_provider_polytomic._batch.targets import read_targets
        from airflow_provider_polytomic.operators._events import KeyEvents
        from airflow_provider_polytomic.operators._fields import to_max_failures

        orders, failures = self._orders(context), FailureBudget(to_max_failures(self.max_failures))
        events = KeyEvents(context, self.outlets)
        to_boolean("allow_failures", self.allow_failures)
        if not orders.check_only and not self.retries:
            self.log.warning(
                "A user's keys are revoked before the new one is stored, and this task has retries=0: if it dies in "
                "between, readers stay cut off until somebody clears it. Set retries=10, say."
            )
        fleet = read_targets(self.targets, shard=self.shard, shards=self.shards, conn_id=self._conn_id())
        report = Report(
            to_optional("report_path", self.report_path),
            # The connection is read here, in the thread that Airflow expects to ask for one.
            server=hook.base_url,
            targets=len(fleet),
            shard=fleet.shard,
            shards=fleet.shards,
            apart_from=fleet.file,
        )
        try:
            with report:
                self._rotate(hook, fleet, orders, report=report, failures=failures, events=events)
        finally:
            summary = report.summary()
            self._push(context["ti"], summary)
        if "report_path" in summary:
            self.log.info("What became of each target is in %s.", summary["report_path"])
        return self._end(summary, failures, context)

    def _set_map_index_name(self, context: Any) -> None:
        """Call a mapped task instance by its shard, where there are several."""
        if not self._is_whole():
            super()._set_map_index_name(context)

    def _describe(self) -> str:
        """Say which part of the fleet."""
        return "The whole fleet" if self._is_whole() else f"Shard {self.shard!s:.20} of {self.shards!s:.20}"

    def _is_whole(self) -> bool:
        return self.shards is None or str(self.shards).strip() == "1"

    def _orders(self, context: Any) -> RotationOptions:
        from airflow_provider_polytomic._airflow.dag_run import dag_run
        from airflow_provider_polytomic._airflow.masking import BoundedMasker, mask_secret
        from airflow_provider_polytomic._batch.rotate import RotationOptions
        from airflow_provider_polytomic._issuance import Rotate

        return RotationOptions(
            Rotate(dag_run(context), max_age=to_duration("max_age", self.max_age)),
            hide=BoundedMasker(mask_secret),
            take_over=to_boolean("take_over", self.take_over),
            check_only=to_boolean("check_only", self.check_only),
            retried=self._is_retried(context),
        )

    def _rotate(
        self,
        hook: PolytomicHook,
        fleet: TargetList,
        orders: RotationOptions,
        *,
        report: Report,
        failures: FailureBudget,
        events: KeyEvents,
    ) -> None:
        from airflow_provider_polytomic._batch.progress import Progress
        from airflow_provider_polytomic._batch.rotate import Rotation
        from airflow_provider_polytomic.operators._fields import to_workers

        workers, server = to_workers(self.max_workers), hook.base_url
        self.log.info("%d of %d targets are this task's; %d threads.", len(fleet), fleet.total, workers)

        def emit(target: BatchTarget, reference: KeyReference) -> None:
            destination = str(target.destination)
            events.emit(destination, reference.to_json(destination, server=server))

        Rotation(
            hook, self._make_stores(server), orders, report, failures, self._pace,
            Progress(len(fleet), self.log.info), self._stop, workers, on_new_key=emit,
        ).run(fleet)  # fmt: skip
        events.warn_about_dropped()

    def _end(self, summary: dict[str, Any], failures: FailureBudget, context: Any) -> dict[str, Any]:
        """Return the summary, or fail.

        :raises PolytomicTaskStoppedError: if Airflow wanted the task to end.
        :raises IssuanceIncompleteError: if a retry may help.
        :raises IssuanceRefusedError: if it cannot.
        """
        failed, left = summary["failed"], summary["not_started"]
        if not failed and not left:
            return summary
        if self._is_killed():
            raise PolytomicTaskStoppedError(
                f"The task was asked to end: {summary['rotated']} keys were rotated, {left} targets were not started. "
                "What was issued is stored or, where it is not, the record beside its destination tells of it. The "
                "next try does what is left.",
                reason="stopped",
            )
        # Among what was not started there may be a target that an earlier try left half done.
        is_worth_a_retry = failures.retryable or left > 0
        is_retried = is_worth_a_retry and context["ti"].try_number <= getattr(context["ti"], "max_tries", 0)
        if to_boolean("allow_failures", self.allow_failures) and not left and not is_retried:
            self.log.warning("%s Allowed by allow_failures.", _what_failed(summary))
            return summary
        if is_worth_a_retry:
            raise IssuanceIncompleteError(
                f"{_what_failed(summary)} A retry does only what is left.",
                reason="max_failures" if "stopped" in summary else "targets_failed",
            )
        raise IssuanceRefusedError(
            f"{_what_failed(summary)} A retry cannot help. Put right what the failures name; the next run, or this one "
            "cleared, then does what is left.",
            reason="targets_failed",
        )

    def _push(self, ti: Any, summary: dict[str, Any]) -> None:
        """Push the summary, unless nothing of the task is to go to XCom; a failure must not hide another one."""
        if not self.do_xcom_push:
            return
        try:
            ti.xcom_push(key="summary", value=summary)
        except Exception as error:  # noqa: BLE001 (of Airflow, or of an XCom backend)
            self.log.warning("The summary could not be pushed to XCom (%s).", type(error).__name__)


def _what_failed(summary: Mapping[str, Any]) -> str:
    done = summary["rotated"] + summary["kept"] + summary["due"]
    stopped = f" It was stopped: {summary['stopped']}" if "stopped" in summary else ""
    first = next(iter(summary["failures"]), None)
    example = f" The first: {first['destination']}: {first['error']}: {first['message']}" if first else ""
    where = summary.get("report_path", "the task's XCom (summary)")
    return (
        f"{summary['failed']} of {summary['targets']} targets failed, {summary['not_started']} were not started; the "
        f"other {done} are as they should be.{stopped or example} Which failed and why is in {where}."
    )
