"""Fixtures for the tests of operators."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures import scene
from tests.runs import airflow_run
from tests.unit.operators.cases import ALL

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["context", "logged", "messages", "scene"]

MONDAY = datetime(2031, 1, 6, tzinfo=UTC)


@pytest.fixture
def context() -> Callable[..., Any]:
    """Return a function that makes the part of Airflow's context that an operator reads, for a manual run."""

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
def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that returns everything logged since the last call.

    The operators of Airflow 3 log to the console, and not through ``logging``.
    """
    caplog.set_level(logging.INFO)

    def read() -> str:
        text = capsys.readouterr().out + caplog.text
        caplog.clear()
        return text

    return read


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return a function that returns each message that the package has logged."""
    caplog.set_level(logging.INFO)
    for kind in ALL:
        monkeypatch.setattr(kind, "log", logging.getLogger("airflow_provider_polytomic.operators"), raising=False)

    def read() -> list[str]:
        records = (record for record in caplog.records if record.name.startswith("airflow_provider_polytomic"))
        # Airflow warns like this about each operator that a test executes directly.
        noise = "execute cannot be called outside"
        return [text for text in (record.getMessage() for record in records) if noise not in text]

    return read
