"""The workflow of the hosted CI calls existing targets, on every supported pair of Python and Airflow."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from .conftest import ROOT

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
LEGS = WORKFLOW["jobs"]["matrix"]["strategy"]["matrix"]["include"]
RUNS = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
TARGETS = [leg["target"] for leg in LEGS]


def test_it_runs_nothing_but_ci_run_and_make():
    assert RUNS == [".ci/run", "make ${{ matrix.target }} PYTHON=python${{ matrix.python }}"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("target", sorted(set(TARGETS)))
def test_make_knows_its_targets(target: str):
    made = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


def test_each_supported_python_meets_each_airflow_that_runs_on_it():
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    airflows = [file.stem.partition("-")[2] for file in (ROOT / "constraints").glob("airflow-*.txt")]
    pairs = {(airflow, python) for airflow in airflows for python in pythons} - {("2.11", "3.13")}
    assert {(leg["airflow"], leg["python"]) for leg in LEGS} == pairs
