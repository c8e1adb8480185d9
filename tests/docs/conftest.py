"""Fixtures of the tests that run the documentation."""

from __future__ import annotations

from airflow_provider_polytomic.testing.plugin import polytomic_emulator  # also where the package is not installed
from tests.scene import scene
from tests.unit.operators.conftest import context

__all__ = ["context", "polytomic_emulator", "scene"]
