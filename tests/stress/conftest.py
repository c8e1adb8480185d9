"""Fixtures of the stress tests, and their size: a short form in every run, the full one with ``--proof=full``.

``tests/conftest.py`` adds the option, because pytest loads that file before it reads its options.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.crash.environment import LOCAL, METASTORE, running_environment
from tests.crash.scenario import Scenario
from tests.crash.servers import REAL, SERVED
from tests.fakes.vault_real import VaultReal, vault_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.crash.environment import Environment


# All stores, including a real Vault if there is one.
PLACES = (*LOCAL, *SERVED, *REAL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the time limit in the full form, which takes hours."""
    if config.getoption("proof") == "full":
        for item in items:
            if item.path.is_relative_to(Path(__file__).parent):
                item.add_marker(pytest.mark.timeout(4 * 3600))


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """Return the number of rounds in the short or the full form."""
    is_full = pytestconfig.getoption("proof") == "full"
    return lambda short, full: full if is_full else short


@pytest.fixture(scope="package")
def environment_of_all() -> Iterator[Environment]:
    """All servers, and the fork server, which has rotated a key in each store once."""
    binary = vault_binary()
    real = VaultReal(binary, on_disk=True) if binary else None
    try:
        with running_environment(real) as environment:
            for place in PLACES:
                if place != METASTORE and (real or place not in REAL):
                    environment.fork_server.warm_up(Scenario.new(environment, place, "standby").job(0, 0))
            yield environment
    finally:
        if real:
            real.stop()


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """The store in the test's parameters."""
    name: str = request.param
    if name in REAL and vault_binary() is None:
        pytest.skip("neither bao nor vault is on PATH: there is no real Vault")
    return name


@pytest.fixture
def environment(request: pytest.FixtureRequest, place: str, environment_of_all: Environment) -> Iterator[Environment]:
    """The environment with a new Polytomic, and with a metadata database if that is the store."""
    if place == METASTORE:
        request.getfixturevalue("prepared_for_tasks")
    with PolytomicEmulator() as emulator:
        yield replace(environment_of_all, emulator=emulator)


@pytest.fixture(scope="package")
def prepared_for_tasks(environment_of_all: Environment, airflow_db: Path) -> None:
    """A metadata database that jobs can use like tasks."""
    assert airflow_db.exists()
    environment_of_all.fork_server.prepare_for_tasks()
