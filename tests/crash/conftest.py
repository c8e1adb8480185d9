"""Fixtures of the crash tests: an emulator, the servers, and the fork server."""

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
def environment() -> Iterator[Environment]:
    with running_environment() as environment:
        for place in ("json-connection", *SERVED):
            environment.fork_server.warm_up(Scenario.new(environment, place).job())
        yield environment


@pytest.fixture(scope="package")
def environment_of_tasks(environment: Environment, airflow_db: Path) -> Environment:
    """The environment with a metadata database, for jobs that run as a task."""
    assert airflow_db.exists()
    environment.fork_server.prepare_for_tasks()
    return environment


@pytest.fixture
def environment_of(request: pytest.FixtureRequest) -> Callable[[str], Environment]:
    """Return the environment in which jobs reach a store."""
    return lambda place: request.getfixturevalue("environment_of_tasks" if place == METASTORE else "environment")
