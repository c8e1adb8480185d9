"""Fixtures of the tests of issuing."""

from __future__ import annotations

import pytest

from tests.fixtures import scene
from tests.unit.issuance.harness import Harness

__all__ = ["harness", "scene"]


@pytest.fixture
def harness() -> Harness:
    return Harness()
