"""Fixtures of the tests of removing."""

from __future__ import annotations

import pytest

from tests.unit.removal.harness import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
