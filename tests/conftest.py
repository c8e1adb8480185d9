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
from tests.dag_files import use_examples

if "airflow" in sys.modules:
    raise RuntimeError(
        "Airflow was imported before tests/conftest.py could give it a home of its own; a pytest plugin does that"
    )

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))

_ISOLATED = isolated(os.environ, AIRFLOW_HOME)
os.environ.clear()
os.environ.update(_ISOLATED)

use_examples(AIRFLOW_HOME)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what only a conftest that is loaded at the start can: how much ``tests/proof`` is to prove."""
    parser.addoption("--proof", choices=("short", "full"), default="short", help="how much to prove: %(default)s")


def pytest_unconfigure() -> None:
    """Remove the home; not ``atexit``, which processes forked from this one would run too."""
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


# What asks nothing of Airflow but its base classes, so that a second version of it would show nothing new.
ANY_AIRFLOW = (
    "interleavings", "proof", "benchmarks", "unit/issuing", "unit/provisioning", "unit/removing", "unit/sdk",
    "unit/testing", "crash/test_creating_races.py", "crash/test_kills.py", "crash/test_races.py",
    "crash/test_removal_kills.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what need not run on each version of Airflow."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(ANY_AIRFLOW):
            item.add_marker("any_airflow")


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
