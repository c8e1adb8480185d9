"""Create a virtual environment, in seconds if nothing has changed.

``make_venv.py VENV CONSTRAINTS GROUP...``, each group one of ``[dependency-groups]`` in pyproject.toml.

The script uses only the standard library, because it installs everything else. If the inputs change, it creates the
environment again from the start, because a package that is left behind could hide a missing requirement.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

__all__ = ["make_venv"]

ROOT = Path(__file__).resolve().parent.parent
# `pip install --group` reads [dependency-groups] from this version on.
PIP = "pip>=25.1"


def _digest(place: Path, constraints: Path, groups: list[str]) -> str:
    """Return a digest of the inputs; of pyproject.toml, only the parts that are installed from it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed_from = {name: project.get(name) for name in ("build-system", "project")}
    installed_from["dependency-groups"] = {name: project["dependency-groups"][name] for name in groups}
    inputs = [sys.version, str(place), constraints.read_text(), json.dumps(installed_from, sort_keys=True), PIP]
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()


def _pip(python: Path, *arguments: str) -> None:
    """Run pip; show its last line on a terminal, some lines in a log, and its whole output if it fails."""
    output: list[str] = []
    command = [str(python), "-m", "pip", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as pip:
        for line in pip.stdout or ():
            output.append(line)
            if sys.stdout.isatty():
                sys.stdout.write(f"\r\033[K  {line.strip()[:100]}")
            elif len(output) % 100 == 0 or line.startswith("Installing"):
                sys.stdout.write(f"  {line.strip()[:100]}\n")
            sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K")
    if pip.returncode:
        sys.exit("".join(output) + f"\npip failed ({pip.returncode}): pip {' '.join(arguments)}")


def make_venv(place: Path, constraints: Path, groups: list[str]) -> None:
    """Create the environment at ``place``, unless it was created from the same inputs.

    :param place: the folder of the environment, which is emptied first.
    :param constraints: a constraints file of pip, which selects the version of Airflow.
    :param groups: the groups of ``[dependency-groups]`` to install.
    """
    stamp, digest = place / "inputs.sha256", _digest(place, constraints, groups)
    python = place / "bin" / "python"
    if stamp.exists() and stamp.read_text() == digest and python.exists():
        return
    sys.stdout.write(
        f"Setting up {place.name} ({constraints.stem}, Python {sys.version.split()[0]}); this takes a minute or two\n"
    )
    venv.create(place, clear=True, symlinks=True, with_pip=True)
    _pip(python, "install", "--upgrade", PIP)
    chosen = [option for group in groups for option in ("--group", group)]
    _pip(python, "install", "--constraint", str(constraints), *chosen, "--editable", ".[all]")
    _pip(python, "check")
    stamp.write_text(digest)


if __name__ == "__main__":
    make_venv(ROOT / sys.argv[1], ROOT / sys.argv[2], sys.argv[3:])
