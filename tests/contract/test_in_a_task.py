"""The stores that only a running task reaches pass the same contract suite, which a task runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.cases import IN_A_TASK

HERE = Path(__file__).parent


@pytest.mark.timeout(900)
def test_the_contract_suite_passes_inside_a_task(airflow_db):
    # The conftest.py of this run would give the nested run another Airflow home, without a database.
    plugins = ["--noconftest", "-p", "tests.contract.conftest"]
    # Airflow has already imported modules of some of pytest's plugins.
    imported = ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    suite = [str(HERE / f"test_{part}.py") for part in ("stores", "metastore")]
    run = subprocess.run(
        [sys.executable, "-m", "tests.contract.run_in_a_task", "-q", *plugins, *imported, *suite],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), IN_A_TASK: "1"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout[-6000:]}\n{run.stderr[-3000:]}"
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed
    assert int(passed[1]) >= 30
