"""DAG runs for tests: as Airflow's context has them, and as an issuance receives them."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance import Rotate
from airflow_provider_polytomic.operators._dag_run import current_run

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_polytomic._issuance.record import Run

__all__ = ["airflow_run", "renew", "run_at"]


def airflow_run(time: datetime, dag_id: str = "acme") -> SimpleNamespace:
    """Return a DAG run with the attributes that the package reads."""
    return SimpleNamespace(
        dag_id=dag_id,
        run_id=f"manual__{time.isoformat()}",
        run_type="manual",
        run_after=time,
        logical_date=time,
        data_interval_end=time,
    )


def run_at(time: datetime, dag_id: str = "acme") -> Run:
    """Return the same run as an issuance receives it."""
    return current_run({"dag_run": airflow_run(time, dag_id)})


def renew(time: datetime, max_age: timedelta = timedelta(0)) -> Rotate:
    """Return the mode in which the run of this time rotates keys of that age."""
    return Rotate(run_at(time), max_age)
