"""Pytest plugin with the fixture ``polytomic_emulator``.

It is not loaded automatically: name it in the ``conftest.py`` at the root of your tests::

    pytest_plugins = ["airflow_provider_polytomic.testing.plugin"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_polytomic.testing.emulator import PolytomicEmulator

__all__ = ["polytomic_emulator"]


@pytest.fixture
def polytomic_emulator() -> Iterator[PolytomicEmulator]:
    """Serve a new Polytomic emulator for one test."""
    from airflow_provider_polytomic.testing import PolytomicEmulator

    with PolytomicEmulator() as emulator:
        yield emulator
