"""How does a forked process issue? With the real hook into the real store; and it reports what readers then get."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.issuing import Ensure, issue
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.removing import remove_key
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.opening import Stores
from airflow_provider_polytomic.targets import Target
from airflow_provider_polytomic.version_compat import mask_secret, variable_get
from tests.runs import renew

from .executor import context_of
from .points import Watched

if TYPE_CHECKING:
    from airflow_provider_polytomic.references import Reference

    from .job import Job
    from .points import Points

__all__ = ["issue_or_remove", "readers_get"]

_ISSUER = "https://app.polytomic.com"


def issue_or_remove(job: Job, points: Points) -> dict[str, Any]:
    """Do the job, and return what is to be reported.

    :raises PolytomicError: as it comes.
    :raises PolytomicError: as the operator would fail.
    """
    done: list[dict[str, Any]] = []
    with closing(PolytomicHook(retry_for=20.0)) as hook:
        stores = Stores(issuer=_ISSUER if job.operator else hook.base_url)
        for number, (forced, run_time) in enumerate(job.runs, 1):
            points.armed = number == len(job.runs) and not job.remove
            if job.operator:
                done.append(_operate(job, forced, run_time))
            else:
                reference = _issue(job, hook, stores, points, forced=forced, run_time=run_time)
                done.append(reference.to_json(job.destination, server=hook.base_url))
            points.armed = False
        if job.remove:
            return _remove(job, hook, stores, points)
    record = stores.open(job.destination).read_record()
    return {
        "references": done,
        "readers_get": readers_get(job.destination),
        "record": dict(record) if record else None,
    }


def _issue(job: Job, hook: PolytomicHook, stores: Stores, points: Points, *, forced: bool, run_time: str) -> Reference:
    return issue(
        Watched(hook, points),
        Watched(stores.open(job.destination), points),
        Target.parse(job.org_id, job.user_id),
        renew(datetime.fromisoformat(run_time)) if forced else Ensure(),
        hide=mask_secret,
    )


def _operate(job: Job, forced: bool, run_time: str) -> dict[str, Any]:
    operator = PolytomicCreateApiKeyOperator(
        task_id="issue",
        org_id=job.org_id,
        user_id=job.user_id,
        destination=job.destination,
        force=forced,
        retry_for=2.0,
        retries=1,
    )
    reference: dict[str, Any] = operator.execute(context_of(datetime.fromisoformat(run_time)))
    return reference


def _remove(job: Job, hook: PolytomicHook, stores: Stores, points: Points) -> dict[str, Any]:
    hook.delete_user(job.org_id, job.user_id)
    points.armed = True
    removed = remove_key(Watched(hook, points), Watched(stores.open(job.destination), points))
    points.armed = False
    return {"removed": removed.removed, "fingerprint": removed.fingerprint}


def readers_get(destination: str) -> str | None:
    """Ask as the next task does, through Airflow's own look-up; outside Airflow, as the hook does."""
    parsed = Destination.parse(destination)
    if parsed.kind == "secret":
        with closing(PolytomicHook.for_destination(destination, server="polytomic_default")) as hook:
            return hook.settings.key.fingerprint
    text = BaseHook.get_connection(parsed.name).password if parsed.kind == "connection" else variable_get(parsed.name)
    return ApiKey(text).fingerprint if text else None
