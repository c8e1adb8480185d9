"""Which Airflow do the tests see? One with a home of this run alone, and none of the developer's own settings.

Airflow reads its environment when it is imported, so this happens here, before any test module is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from demo.airflow_environment import isolated

if "airflow" in sys.modules:
    raise RuntimeError(
        "Airflow was imported before tests/conftest.py could give it a home of its own; a pytest plugin does that"
    )

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))

_ISOLATED = isolated(os.environ, AIRFLOW_HOME)
os.environ.clear()
os.environ.update(_ISOLATED)


def pytest_unconfigure() -> None:
    """Remove the home; not ``atexit``, which processes forked from this one would run too."""
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The AIRFLOW_HOME of this test run."""
    return AIRFLOW_HOME


@pytest.fixture(scope="session")
def airflow_db(airflow_home: Path) -> Path:
    """A migrated SQLite metadata database in :func:`airflow_home`, made once (13 s): for ``dag.test()``."""
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=_ISOLATED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
    )
    database = airflow_home / "airflow.db"
    shutil.copy(database, _empty(database))
    return database


@pytest.fixture(scope="session")
def empty_airflow_db(airflow_db: Path) -> Path:
    """A migrated database without any run, to be copied.

    The other one holds what tests have left there: the runs of killed processes stay active, and a scheduler that
    finds sixteen of a DAG starts no further one.
    """
    return _empty(airflow_db)


def _empty(database: Path) -> Path:
    return database.with_name("empty.db")
