"""SIGTERM during the rotation of many keys, in a process with Airflow's own signal handlers: no key is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.batches import add_customers, assert_one_live_key_each, mints
from tests.dag_runs.batch_task import batch_dag
from tests.dag_runs.conftest import scene
from tests.dag_runs.in_process import run_dag
from tools.airflow_sandbox.environment import private_folder

if TYPE_CHECKING:
    from tests.fixtures import Scene

__all__ = ["scene"]

pytestmark = pytest.mark.usefixtures("airflow_db")

ROOT = Path(__file__).parents[2]
SECONDS = 300  # after this time, the process is considered to hang


def start(rows: Any, at: datetime, log: Path, database: Path) -> subprocess.Popen[bytes]:
    """Start the process with its own metadata database.

    A process loses its locks of SQLite when it closes the file anywhere, and tests do so that search the database. The
    other process would then delete the log (``-wal``) that this one still writes to.
    """
    home = private_folder(log.with_name("airflow"))
    shutil.copy(database, home / "airflow.db")
    with log.open("ab") as console:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.dag_runs.batch_task", json.dumps({"targets": rows, "at": at.isoformat()})],
            cwd=ROOT,
            env={
                **os.environ,
                "AIRFLOW_HOME": str(home),
                "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
            },
            stdout=console,
            stderr=subprocess.STDOUT,
        )


def wait_for_posts(scene: Scene, count: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while len(scene.posts) < count:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@pytest.mark.parametrize(
    "fault",
    [
        "delay:0.4 endpoint=create_api_key times=always",
        # While a request is repeated, which a rotation that continues would wait for.
        "status:429 endpoint=create_api_key skip=4 times=2 retry_after=15",
    ],
)
def test_what_was_issued_is_stored_and_the_same_run_again_issues_only_what_is_left(
    scene: Scene, tmp_path: Path, empty_airflow_db: Path, fault: str
) -> None:
    rows, log = add_customers(scene, 15), tmp_path / "console.log"
    at = datetime.now(UTC) + timedelta(days=1)
    scene.emulator.inject(fault)
    process = start(rows, at, log, empty_airflow_db)
    try:
        wait_for_posts(scene, 5, process, log)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=SECONDS)
    finally:
        process.kill()
        process.wait()
    done = mints(scene, rows)
    assert 1 <= sum(done) < 15, log.read_text()
    assert_one_live_key_each(scene, [row for row, count in zip(rows, done, strict=True) if count])
    scene.emulator.clear_faults()
    again = run_dag(batch_dag("terminated_batch", targets=rows), at=at)
    assert again.states == {"rotate": "success"}
    assert mints(scene, rows) == [1] * 15
    assert_one_live_key_each(scene, rows)
    text = log.read_text()
    assert not [key for key in scene.emulator.all_keys() - {scene.emulator.partner_key} if key in text]
