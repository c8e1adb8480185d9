"""The pytest fixture ``polytomic_emulator``: it comes by the entry point ``pytest11`` and costs nothing until used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_polytomic.testing.emulator import PolytomicEmulator

__all__ = ["polytomic_emulator"]


@pytest.fixture
def polytomic_emulator() -> Iterator[PolytomicEmulator]:
    """Serve a fresh Polytomic emulator for one test."""
    from airflow_provider_polytomic.testing import PolytomicEmulator

    with PolytomicEmulator() as emulator:
        yield emulator
