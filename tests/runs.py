"""DAG runs, as issuing is given them: one for each time."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic.issuing import Renew
from airflow_provider_polytomic.records import Run

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["renew", "run_at"]


def run_at(time: datetime, name: str = "") -> Run:
    """Return the run of this time; of two at one time, the one of this name."""
    return Run(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{time.isoformat()} {name}")), time)


def renew(time: datetime, max_age: timedelta = timedelta(0)) -> Renew:
    """Return the mode in which the run of this time renews what is as old as that."""
    return Renew(run_at(time), max_age)
