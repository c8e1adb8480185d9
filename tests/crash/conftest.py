"""Fixtures of the crash tests: one emulator, one of each server, and one process that forks all that are killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.environment import METASTORE, running_environment

from .scenario import Scenario
from .servers import SERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.environment import Environment


@pytest.fixture(scope="package")
def world() -> Iterator[Environment]:
    with running_environment() as world:
        for place in ("json-connection", *SERVED):
            world.fork_server.warm_up(Scenario.new(world, place).job())
        yield world


@pytest.fixture(scope="package")
def world_of_tasks(world: Environment, airflow_db: Path) -> Environment:
    """The same, where a job may be a task's: with a metadata database."""
    assert airflow_db.exists()
    world.fork_server.prepare_for_tasks()
    return world


@pytest.fixture
def world_of(request: pytest.FixtureRequest) -> Callable[[str], Environment]:
    """Return the world in which jobs reach a store."""
    return lambda place: request.getfixturevalue("world_of_tasks" if place == METASTORE else "world")
