"""The site: its settings, its pages in the order of the navigation, and how it is built."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import yaml

from tests.dag_files import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["build", "in_nav", "settings"]


def settings() -> dict[str, Any]:
    """Return the settings in mkdocs.yml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    return found


def in_nav() -> list[str]:
    """Return the pages of the navigation, as paths below docs/."""
    return list(_pages(settings()["nav"]))


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a source tree, as `make docs` does."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _pages(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
        return
    for below in nav.values() if isinstance(nav, dict) else nav:
        yield from _pages(below)
