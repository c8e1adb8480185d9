"""What do the crash tests share? One emulator, and one process that forks all that are killed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .servers import SERVED
from .worlds import running_world

if TYPE_CHECKING:
    from pathlib import Path

    from .scenario import World


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
