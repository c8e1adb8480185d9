"""What do the crash tests share? One emulator, and one process that forks all that are killed."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from airflow_provider_polytomic.testing import PolytomicEmulator

from .processes import Zygote
from .scenario import World
from .servers import SERVED, Servers
from .tally import KILLED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many were killed, and where."""
    if KILLED:
        terminalreporter.section("processes that were struck, each followed by one that completed")
        for where, count in {**KILLED, "in all": sum(KILLED.values())}.items():
            terminalreporter.write_line(f"{count:5} {where}")


@pytest.fixture(scope="package")
def world():
    # Not tmp_path: pytest's folders are closed to every other user, and the tests of denied rights become one.
    folder = Path(tempfile.mkdtemp(prefix="polytomic-crash-"))
    folder.chmod(0o755)
    with PolytomicEmulator() as emulator, Servers.running() as servers, Zygote(folder / "console.log") as zygote:
        world = World(emulator, zygote, folder, servers)
        for operator in (False, True):
            job = world.scenario("json-connection", forced=True).job
            zygote.warm_up(replace(job, operator=operator))
        for place in SERVED:
            zygote.warm_up(world.scenario(place, forced=True).job)
        yield world
        assert psutil.Process(zygote.pid).children(recursive=True) == [], "a process was not reaped"
    shutil.rmtree(folder)


@pytest.fixture(scope="package")
def world_of_tasks(world: World, airflow_db: Path) -> World:
    """The same, where a job may be a task's: with a metadata database."""
    assert airflow_db.exists()
    world.zygote.prepare_for_tasks()
    return world
