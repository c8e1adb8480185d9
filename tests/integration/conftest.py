"""Fixtures of the tests that run a real Airflow."""

from __future__ import annotations

from tests.scene import scene

__all__ = ["scene"]
