"""What every test relies on: an Airflow with a home of this process alone, and none of the developer's own settings.

Airflow reads its environment when it is imported, so this happens here, before any test module is. Run in parallel
(``pytest -n 2``), each of pytest's workers has a home of its own; they share one migrated database, which they copy.
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
        "Airflow was imported before tests/conftest.py could give it a home of its own; a pytest plugin does that"
    )

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))

_ISOLATED = isolated(os.environ, AIRFLOW_HOME)
os.environ.clear()
os.environ.update(_ISOLATED)

use_examples(AIRFLOW_HOME)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what only a conftest that is loaded at the start can."""
    parser.addoption("--proof", choices=("short", "full"), default="short", help="how much to prove: %(default)s")
    parser.addoption("--whole", action="store_true", help="all tests are meant to be there: see tests/test_tiers.py")


def pytest_configure(config: pytest.Config) -> None:
    """Bear what Airflow 2.11 says of what Airflow 3 has replaced, most of it to itself."""
    if version("apache-airflow").startswith("2."):
        config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")


def pytest_unconfigure() -> None:
    """Remove the home; not ``atexit``, which processes forked from this one would run too."""
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


def _below_tests(nodeid: str) -> str:
    return nodeid.removeprefix("tests/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tiers, and begin with what takes longest."""
    collected = config.stash[tiers.COLLECTED] = [_below_tests(item.nodeid) for item in items]
    for item, test in zip(items, collected, strict=True):
        if tiers.is_airflow_independent(test):
            item.add_marker("airflow_independent")
        if tiers.is_slow(test):
            item.add_marker("slow")
    items.sort(key=lambda item: tiers.rank(_below_tests(item.nodeid)))


class Scheduling(LoadScopeScheduling):
    """Gives each worker the next unit of work, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return tiers.unit_of_work(_below_tests(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Share out the tests as ``tests/tiers.py`` says."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The AIRFLOW_HOME of this process."""
    return AIRFLOW_HOME


@pytest.fixture(scope="session")
def empty_airflow_db(airflow_home: Path, pytestconfig: pytest.Config) -> Path:
    """A migrated database without any run, to be copied.

    It is made once for each version of Airflow (13 s) and kept where pytest keeps its cache.
    """
    assert pytestconfig.cache, "pytest's cache is where it is kept"
    kept = pytestconfig.cache.mkdir("airflow-db") / f"{version('apache-airflow')}.db"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
            done = subprocess.run(migrate, env=_ISOLATED, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            Path(shutil.copy(airflow_home / "airflow.db", kept.with_suffix(".new"))).rename(kept)
    return kept


@pytest.fixture(scope="session")
def airflow_db(airflow_home: Path, empty_airflow_db: Path) -> Path:
    """The migrated SQLite metadata database in :func:`airflow_home`: for ``dag.test()``.

    It holds what tests leave there: the runs of killed processes stay active, and a scheduler that finds sixteen of a
    DAG starts no further one.
    """
    return Path(shutil.copy(empty_airflow_db, airflow_home / "airflow.db"))
