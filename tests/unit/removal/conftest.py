"""Fixtures of the tests of removing."""

from __future__ import annotations

import pytest

from tests.unit.removal.harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()
