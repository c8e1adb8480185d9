"""Fixtures of the operators' tests."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures import scene
from tests.runs import airflow_run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["context", "said", "scene"]

MONDAY = datetime(2031, 1, 6, tzinfo=UTC)


@pytest.fixture
def context() -> Callable[..., dict[str, Any]]:
    """Make what an operator reads of Airflow's context, for a manual run of the given time."""

    def make(
        run_time: datetime = MONDAY, *, map_index: int = -1, try_number: int = 1, max_tries: int = 0, **more: Any
    ) -> dict[str, Any]:
        run = airflow_run(run_time)
        pushed: dict[str, Any] = {}
        ti = SimpleNamespace(
            map_index=map_index,
            try_number=try_number,
            max_tries=max_tries,
            pushed=pushed,
            xcom_push=lambda key, value: pushed.update({key: value}),
        )
        return {"dag_run": run, "ti": ti, **more}

    return make


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return everything logged since the last call: Airflow 3's operators log to the console, past ``logging``."""
    caplog.set_level(logging.INFO)

    def read() -> str:
        text = capsys.readouterr().out + caplog.text
        caplog.clear()
        return text

    return read
