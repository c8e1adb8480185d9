"""The environment that a block of shell commands leaves, when a shell runs it in a folder of its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.docs.pages import Block

__all__ = ["FOLDERS", "SHELL", "exported_by"]

SHELL = {"export", "(umask", "mkdir"}
# The folders on the pages, which the tests replace by their own.
FOLDERS = ("/opt/airflow", "$HOME/airflow")


def exported_by(block: Block, folder: Path) -> Mapping[str, str]:
    """Run the shell's own lines of a block, and return the resulting Airflow settings."""
    lines = [line for line in block.content.splitlines() if line.split() and line.split()[0] in SHELL]
    script = "\n".join(["set -eu", *lines, "env -0"])
    for each in FOLDERS:
        script = script.replace(each, str(folder / "airflow"))
    path = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
    run = subprocess.run(["bash", "-c", script], env=path, capture_output=True, text=True, check=True)
    variables = (pair.partition("=")[::2] for pair in run.stdout.split("\0"))
    return {name: value for name, value in variables if name.startswith("AIRFLOW")}
