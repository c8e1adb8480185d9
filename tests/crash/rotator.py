"""How does a forked process rotate? One key or a fleet of them, with every call to vendor and stores a point."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import IssuanceIncompleteError
from airflow_provider_polytomic.fleet.failures import Failures
from airflow_provider_polytomic.fleet.masking import FirstKeys
from airflow_provider_polytomic.fleet.pace import Pace, Stop
from airflow_provider_polytomic.fleet.progress import Progress
from airflow_provider_polytomic.fleet.report import Report
from airflow_provider_polytomic.fleet.rotating import Orders, Rotation
from airflow_provider_polytomic.fleet.targets import read_fleet
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import issue
from airflow_provider_polytomic.secret_stores.opening import Stores
from airflow_provider_polytomic.targets import Target
from airflow_provider_polytomic.version_compat import mask_secret
from tests.runs import renew

from .issuer import readers_get
from .points import Watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.fleet.targets import FleetTarget
    from airflow_provider_polytomic.references import Reference
    from airflow_provider_polytomic.secret_stores.destination import Destination

    from .job import Rotations
    from .points import Points

__all__ = ["rotate", "rotate_one"]


def rotate(job: Rotations, points: Points) -> dict[str, Any]:
    """Do the job, and return what is to be reported.

    :raises PolytomicError: as it comes.
    """
    destinations = [each["destination"] for each in job.targets]
    in_turn = [each["destination"] for each in job.targets if "standby_user_id" in each]
    readers_got = {each: readers_get(each) for each in in_turn if job.look_first}
    issued: dict[str, bool] = {}
    with closing(PolytomicHook(retry_for=20.0, pool_size=max(1, job.workers))) as hook:
        vendor, stores = Watched(hook, points), _Watching(Stores(issuer=hook.base_url), points)
        for number, run_time in enumerate(job.runs, 1):
            points.armed = number == len(job.runs)
            if job.workers:
                issued = _rotate_fleet(vendor, stores, job, run_time)
            else:
                (target,) = job.targets
                done = rotate_one(vendor, stores.open(target["destination"]), target, run_time)
                issued = {target["destination"]: done["issued"]}
            points.armed = False
    return {
        "issued": issued,
        "readers_got": readers_got,
        "readers_get": {each: readers_get(each) for each in destinations},
        "records": {each: stores.open(each).read_record() for each in destinations},
    }


def rotate_one(vendor: Any, store: Any, target: Mapping[str, str], run_time: str) -> dict[str, Any]:
    """Renew one key, and return the reference to it.

    :raises PolytomicError: as it comes.
    """
    standby = target.get("standby_user_id")
    reference = issue(
        vendor,
        store,
        Target.parse(target["org_id"], target["user_id"]),
        renew(datetime.fromisoformat(run_time)),
        hide=mask_secret,
        standby=Target.parse(target["org_id"], standby) if standby else None,
    )
    return {**reference.to_json(target["destination"], server=""), **reference.details()}


class _Watching:
    """The real stores, each watched."""

    def __init__(self, stores: Stores, points: Points) -> None:
        self._stores, self._points = stores, points

    def open(self, destination: Destination | str) -> Any:
        """Open the one that holds a destination."""
        return Watched(self._stores.open(destination), self._points)


def _rotate_fleet(vendor: Any, stores: _Watching, job: Rotations, run_time: str) -> dict[str, bool]:
    """Rotate a fleet, and tell of each destination whether a key was issued.

    :raises IssuanceIncompleteError: if any failed.
    """
    issued = dict.fromkeys((each["destination"] for each in job.targets), False)

    def tell(target: FleetTarget, reference: Reference) -> None:
        issued[str(target.destination)] = reference.issued

    number = len(job.targets)
    fleet, report = read_fleet(job.targets, conn_id="polytomic_default"), Report(None, server="", targets=number)
    orders = Orders(renew(datetime.fromisoformat(run_time)), hide=FirstKeys(mask_secret))
    Rotation(
        vendor, stores, orders, report, Failures(number), Pace(), Progress(number, lambda _line: None), Stop(),
        job.workers, on_new_key=tell,
    ).run(fleet)  # fmt: skip
    if report.counts.get("failed") or sum(report.counts.values()) != number:
        raise IssuanceIncompleteError(str(report.summary()))
    return issued
