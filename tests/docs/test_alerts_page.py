"""docs/alerts.md: its callback reports an error by its class and reason, and everything else too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.dag_runs.in_process import run_dag
from tests.docs.pages import USER_ID, blocks
from tests.docs.snippets_as_dags import piece

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import Scene

(BLOCK,) = blocks("python", "alert")
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reports of the page's callback."""
    found: list[str] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda record: found.append(record.getMessage()))
    monkeypatch.setattr(logging.getLogger("alerts"), "handlers", [handler])
    return found


@pytest.mark.usefixtures("airflow_db")
def test_the_callback_is_not_called_for_a_task_that_succeeds(scene: Scene, tmp_path: Path, alerts: list[str]):
    assert run_dag(piece(BLOCK.about(scene.ids), "alert_ok", tmp_path)).state == "success"
    assert (len(scene.posts), alerts) == (1, [])


@pytest.mark.usefixtures("airflow_db")
def test_the_callback_reports_the_class_and_the_reason_of_an_error(scene: Scene, tmp_path: Path, alerts: list[str]):
    content = BLOCK.about({**scene.ids, "user_id": NOBODY})
    assert USER_ID not in content
    assert run_dag(piece(content, "alert_failed", tmp_path)).state == "failed"
    (alert,) = alerts
    assert alert.startswith("IssuanceRefusedError (refused_by_polytomic): ")
    assert NOBODY in alert


def test_the_callback_reports_a_failure_without_an_error_of_this_package(alerts: list[str]):
    made: dict[str, object] = {}
    exec(compile(BLOCK.runnable, BLOCK.place, "exec"), made)
    task = type("Task", (), {"task_id": "issue_api_key"})
    made["alert"]({"ti": task, "exception": None})  # type: ignore[operator]
    assert alerts == ["issue_api_key failed: see its log"]
