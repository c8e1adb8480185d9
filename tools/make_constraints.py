"""Resolve the versions that the project installs, and write constraints/airflow-*.txt.

pip resolves in a new environment and installs nothing. The script needs the oldest supported Python, because releases
for it run on newer ones too, but not the reverse. A requirement of newer versions only stays unpinned.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["requirements", "resolve"]

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
# For each file: the version of Airflow, and the dependency groups that `make setup` also installs.
AIRFLOW = {
    "airflow-3.3.txt": ("apache-airflow~=3.3.2", ("dev", "docs")),
    "airflow-2.11.txt": ("apache-airflow~=2.11.2", ("dev",)),
}


def requirements(groups: Iterable[str]) -> list[str]:
    """Return the requirements of the package, its extras and its developers.

    :param groups: the dependency groups for developers.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = settings["project"]
    developers = [settings["dependency-groups"][group] for group in groups]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *developers]
    return [needed for needs in lists for needed in needs if not needed.startswith(project["name"])]


def resolve(needs: list[str]) -> list[str]:
    """Return the versions that pip resolves, as sorted lines ``name==version``.

    :param needs: requirements in pip's form.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, symlinks=True, with_pip=True)
        python, report = Path(folder, "bin", "python"), Path(folder, "report.json")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", "pip"], check=True)
        options = ["--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
        subprocess.run([str(python), "-m", "pip", "install", *options, *needs], check=True)
        chosen: list[dict[str, Any]] = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    pins = sorted((item["name"].lower().replace("_", "-"), item["version"]) for item in chosen)
    return [f"{name}=={version}" for name, version in pins]


def main() -> None:
    """Write both files."""
    if sys.version_info[:2] != OLDEST_PYTHON:
        sys.exit("Constraints need the oldest supported Python. Run: make constraints PYTHON=python3.11")
    for name, (airflow, groups) in AIRFLOW.items():
        lines = resolve([*requirements(groups), airflow])
        (ROOT / "constraints" / name).write_text("\n".join(lines) + "\n")
        sys.stdout.write(f"constraints/{name}: {len(lines)} pins\n")


if __name__ == "__main__":
    main()
