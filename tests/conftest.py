"""Setup of all tests: an Airflow with a home of this process, and without the developer's settings.

Airflow reads its environment at import, so this module sets it before any test module is imported. With
``pytest -n 2``, each worker has its own home; all copy the same migrated database.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import tiers
from tests.counters import pytest_runtest_makereport, pytest_terminal_summary
from tests.dag_files import use_examples
from tools.airflow_sandbox.environment import isolated

if TYPE_CHECKING:
    from xdist.remote import Producer

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]

if "airflow" in sys.modules:
    raise RuntimeError(
        "A pytest plugin imported Airflow before tests/conftest.py could set its home. Disable that plugin."
    )

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))

_ISOLATED = isolated(os.environ, AIRFLOW_HOME)
os.environ.clear()
os.environ.update(_ISOLATED)

use_examples(AIRFLOW_HOME)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the test suite."""
    parser.addoption(
        "--proof", choices=("short", "full"), default="short", help="size of the stress tests (%(default)s)"
    )
    parser.addoption("--whole", action="store_true", help="this run has all tests, which tests/test_tiers.py checks")


def pytest_configure(config: pytest.Config) -> None:
    """Ignore the deprecation warnings of Airflow 2.11, most of which are about its own code."""
    if version("apache-airflow").startswith("2."):
        config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")


def pytest_unconfigure() -> None:
    """Remove the home; ``atexit`` would also run in forked processes."""
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


def _below_tests(nodeid: str) -> str:
    return nodeid.removeprefix("tests/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tiers, and sort the slowest folders first."""
    collected = config.stash[tiers.COLLECTED] = [_below_tests(item.nodeid) for item in items]
    for item, test in zip(items, collected, strict=True):
        if tiers.is_airflow_independent(test):
            item.add_marker("airflow_independent")
        if tiers.is_slow(test):
            item.add_marker("slow")
        elif item.get_closest_marker("airflow_running"):
            raise pytest.UsageError(f"{test} starts a whole Airflow, so tests/tiers.py must count it as slow")
    items.sort(key=lambda item: tiers.rank(_below_tests(item.nodeid)))


class Scheduling(LoadScopeScheduling):
    """Scheduler that gives each worker the next unit of work, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return tiers.unit_of_work(_below_tests(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Return the scheduler for the units of work in ``tests/tiers.py``."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The AIRFLOW_HOME of this process."""
    return AIRFLOW_HOME


@pytest.fixture(scope="session")
def empty_airflow_db(airflow_home: Path, pytestconfig: pytest.Config) -> Path:
    """A migrated database without a run, to copy.

    It is created once for each version of Airflow (13 s) and kept in pytest's cache.
    """
    # Without pytest's cache (`-p no:cacheprovider`), each process creates its own.
    cache = getattr(pytestconfig, "cache", None)
    folder = cache.mkdir("airflow-db") if cache else Path(tempfile.mkdtemp(dir=airflow_home))
    kept = folder / f"{version('apache-airflow')}.db"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
            done = subprocess.run(migrate, env=_ISOLATED, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            Path(shutil.copy(airflow_home / "airflow.db", kept.with_suffix(".new"))).rename(kept)
    return kept


@pytest.fixture(scope="session", autouse=True)
def _database_on_airflow_2(request: pytest.FixtureRequest) -> None:
    """Create the metadata database on 2.11, where it is part of the search path of every process."""
    if version("apache-airflow").startswith("2."):
        request.getfixturevalue("airflow_db")


@pytest.fixture(scope="session")
def airflow_db(airflow_home: Path, empty_airflow_db: Path) -> Path:
    """The migrated SQLite metadata database in :func:`airflow_home`, for ``dag.test()``.

    It keeps what tests leave behind: runs of killed processes stay active, and a scheduler starts no further run of a
    DAG that has sixteen of them.
    """
    return Path(shutil.copy(empty_airflow_db, airflow_home / "airflow.db"))
