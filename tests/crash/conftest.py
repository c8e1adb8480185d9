"""What do the crash tests share? One emulator, and one process that forks all that are killed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .servers import SERVED
from .tally import KILLED
from .worlds import running_world

if TYPE_CHECKING:
    from pathlib import Path

    from .scenario import World


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many were killed, and where."""
    if KILLED:
        terminalreporter.section("processes that were struck, each followed by one that completed")
        for where, count in {**KILLED, "in all": sum(KILLED.values())}.items():
            terminalreporter.write_line(f"{count:5} {where}")


@pytest.fixture(scope="package")
def world():
    with running_world() as world:
        for operator in (False, True):
            job = world.scenario("json-connection", forced=True).job
            world.zygote.warm_up(replace(job, operator=operator))
        for place in SERVED:
            world.zygote.warm_up(world.scenario(place, forced=True).job)
        yield world


@pytest.fixture(scope="package")
def world_of_tasks(world: World, airflow_db: Path) -> World:
    """The same, where a job may be a task's: with a metadata database."""
    assert airflow_db.exists()
    world.zygote.prepare_for_tasks()
    return world
