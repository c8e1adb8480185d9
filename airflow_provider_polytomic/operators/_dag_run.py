"""The DAG run of a task, as an issuance needs it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from airflow_provider_polytomic._airflow.dag_run import run_time, schedule_zone
from airflow_provider_polytomic._issuance.record import Run

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

__all__ = ["current_run"]

# Never change it: records contain ids of runs that are derived from it.
_RUNS = uuid.UUID("0f0b6c1e-5b1a-5d0e-8a52-7c3e4b2d9f10")


def current_run(context: Context) -> Run:
    """Return the DAG run of a task, which is the same for every try and after a clear.

    Its id is a hash of the ids of the DAG and the run, because those can be long and contain characters that a tag
    cannot.
    """
    run = context["dag_run"]
    name = json.dumps([run.dag_id, run.run_id])
    return Run(str(uuid.uuid5(_RUNS, name)), run_time(run), schedule_zone(context.get("dag")))
