"""A forked process that issues one key or a batch of keys, with every call to Polytomic and the stores a point."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_polytomic._airflow.masking import BoundedMasker, mask_secret
from airflow_provider_polytomic._airflow.secrets_backends import get_variable
from airflow_provider_polytomic._batch.failure_budget import FailureBudget
from airflow_provider_polytomic._batch.progress import ProgressLog
from airflow_provider_polytomic._batch.rate_limiter import RateLimiter, StopSignal
from airflow_provider_polytomic._batch.report import Report
from airflow_provider_polytomic._batch.rotate import Rotation, RotationOptions
from airflow_provider_polytomic._batch.targets import read_targets
from airflow_provider_polytomic._issuance import Ensure, issue
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic._removal.remove import remove_key
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import StoreFactory
from tests import runs
from tests.crash.kill_points import Watched

from .job import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic._batch.targets import BatchTarget
    from airflow_provider_polytomic._issuance.reference import KeyReference
    from tests.crash.kill_points import Points

__all__ = ["Issuance", "issue_one", "readers_get"]


@dataclass(frozen=True, kw_only=True)
class Issuance(Job):
    """Issue at one or several destinations of one store, in one run after the other; only the last run is interrupted.

    It reports, each by destination: ``issued`` in the last run, what ``readers_got`` before and ``readers_get`` now (a
    fingerprint), and the ``records``.

    :param targets: of each destination: org_id, user_id, destination, and standby_user_id where there is one.
    :param runs: the runs' own times.
    :param renew: whether a run renews what is stored; else it ensures that there is a key.
    :param workers: number of threads that rotate the keys as a batch; 0: only the first key is issued, without a batch.
    :param look_first: what readers get is looked up before anything else, too.
    :param remove: do not interrupt the issuance; afterwards the user is deleted, and what is stored removed.
    """

    targets: tuple[Mapping[str, str], ...]
    runs: tuple[str, ...]
    renew: bool
    workers: int = 0
    look_first: bool = False
    remove: bool = False

    def do(self, points: Points) -> dict[str, Any]:
        destinations = [each["destination"] for each in self.targets]
        readers_got = {each: readers_get(each) for each in destinations if self.look_first}
        issued: dict[str, bool] = {}
        with closing(PolytomicHook(retry_for=60.0, pool_size=max(1, self.workers))) as hook:
            polytomic, stores = Watched(hook, points), _WatchedStores(hook, points)
            for number, run_time in enumerate(self.runs, 1):
                points.armed = number == len(self.runs) and not self.remove
                if self.workers:
                    issued = self._rotate_batch(polytomic, stores, run_time)
                else:
                    (target,) = self.targets
                    reference = issue_one(polytomic, stores.open(destinations[0]), target, run_time, renew=self.renew)
                    issued = {destinations[0]: reference.issued}
                points.armed = False
            if self.remove:
                hook.delete_user(self.targets[0]["org_id"], self.targets[0]["user_id"])
                points.armed = True
                remove_key(polytomic, stores.open(destinations[0]))
                points.armed = False
        return {
            "issued": issued,
            "readers_got": readers_got,
            "readers_get": {} if self.remove else {each: readers_get(each) for each in destinations},
            "records": {each: dict(stores.open(each).read_record() or {}) for each in destinations},
        }

    def _rotate_batch(self, polytomic: Any, stores: _WatchedStores, run_time: str) -> dict[str, bool]:
        """Rotate a batch, and return for each destination whether a key was issued.

        :raises IssuanceIncompleteError: if any failed.
        """
        issued = {each["destination"]: False for each in self.targets}

        def tell(target: BatchTarget, reference: KeyReference) -> None:
            issued[str(target.destination)] = reference.issued

        number = len(self.targets)
        targets = read_targets(self.targets, conn_id="polytomic_default")
        report = Report(None, server="", targets=number)
        options = RotationOptions(runs.renew(datetime.fromisoformat(run_time)), hide=BoundedMasker(mask_secret))
        Rotation(
            polytomic, stores, options, report, FailureBudget(number), RateLimiter(),
            ProgressLog(number, lambda _line: None), StopSignal(), self.workers, on_new_key=tell,
        ).run(targets)  # fmt: skip
        if report.counts.get("failed") or sum(report.counts.values()) != number:
            raise IssuanceIncompleteError(str(report.summary()))
        return issued


class _WatchedStores:
    """The real stores, each watched."""

    def __init__(self, hook: PolytomicHook, points: Points) -> None:
        self._stores, self._points = StoreFactory(issuer=hook.base_url), points

    def open(self, destination: Destination | str) -> Any:
        """Open the one that holds a destination."""
        return Watched(self._stores.open(destination), self._points)


def issue_one(polytomic: Any, store: Any, target: Mapping[str, str], run_time: str, *, renew: bool) -> KeyReference:
    """Issue one key.

    :raises PolytomicError: as it comes.
    """
    standby = target.get("standby_user_id")
    return issue(
        polytomic,
        store,
        Target.parse(target["org_id"], target["user_id"]),
        runs.renew(datetime.fromisoformat(run_time)) if renew else Ensure(),
        hide=mask_secret,
        standby=Target.parse(target["org_id"], standby) if standby else None,
    )


def readers_get(destination: str) -> str | None:
    """Ask as the next task does, through Airflow's own look-up; outside Airflow, as the hook does."""
    parsed = Destination.parse(destination)
    if parsed.kind == "secret":
        with closing(PolytomicHook.for_destination(destination, server="polytomic_default")) as hook:
            return hook.settings.key.fingerprint
    text = BaseHook.get_connection(parsed.name).password if parsed.kind == "connection" else get_variable(parsed.name)
    return ApiKey(text).fingerprint if text else None
