"""Distributions that register stores: metadata in a folder on ``sys.path``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from airflow_provider_polytomic.secret_stores import registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

__all__ = ["forget_entry_points", "install_distribution"]


def install_distribution(folder: Path, name: str, entry_points: Mapping[str, str]) -> None:
    """Write the metadata of a distribution that has these entry points."""
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{point} = {value}" for point, value in entry_points.items()]
    (metadata / "entry_points.txt").write_text("\n".join([f"[{registry.ENTRY_POINT_GROUP}]", *lines, ""]))


def forget_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the entry points read again, in this test and after it."""
    for name in ("_entry_points", "_find_registered"):
        # A function of this test alone, so that what it remembers ends with the test.
        monkeypatch.setattr(registry, name, cache(getattr(registry, name).__wrapped__))
