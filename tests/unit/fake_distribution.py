"""Distribution of metadata only, by which Airflow finds a package that is not installed."""

from __future__ import annotations

import os
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from airflow_provider_polytomic import __version__

__all__ = ["ROOT", "is_installed", "with_fake_distribution"]

ROOT = Path(__file__).parents[2]
_NAME = "airflow-provider-polytomic"


def is_installed() -> bool:
    """Return whether the package itself is installed, with its entry points."""
    try:
        distribution(_NAME)
    except PackageNotFoundError:
        return False
    return True


def with_fake_distribution(directory: Path) -> dict[str, str]:
    """Return an environment in which the package is importable and its entry point found, installed or not."""
    paths = [str(ROOT)]
    if not is_installed():
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        provider = project["entry-points"]["apache_airflow_provider"]
        metadata = directory / f"{_NAME.replace('-', '_')}-{__version__}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {__version__}\n")
        points = "".join(f"{name} = {target}\n" for name, target in provider.items())
        (metadata / "entry_points.txt").write_text(f"[apache_airflow_provider]\n{points}")
        paths.insert(0, str(directory))
    known = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([*paths, known] if known else paths)}
