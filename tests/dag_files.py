"""DAG files of the examples and the docs, as a user of the installed Airflow writes them.

They import from ``airflow.sdk``, which Airflow 2.11 lacks. The README names the module that its users write instead.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

__all__ = ["ROOT", "SDK", "examples_folder", "for_this_airflow", "use_examples"]

ROOT = Path(__file__).resolve().parent.parent
# From the metadata, because this module must not import Airflow.
_IS_2 = version("apache-airflow").startswith("2.")
SDK = "airflow.providers.common.compat.sdk" if _IS_2 else "airflow.sdk"


def for_this_airflow(text: str) -> str:
    """Return a DAG file with its import line for the installed Airflow."""
    return text.replace("from airflow.sdk import ", f"from {SDK} import ")


def examples_folder(home: Path) -> Path:
    """Return the folder ``dags_examples``; on Airflow 2.11, a copy with other import lines.

    :param home: an existing folder that the test run removes at its end.
    """
    original = ROOT / "dags_examples"
    if not _IS_2:
        return original
    copy = Path(mkdtemp(prefix="examples-", dir=home)) / original.name
    copy.mkdir()
    for file in original.glob("*.py"):
        (copy / file.name).write_text(for_this_airflow(file.read_text()))
    return copy


def use_examples(home: Path) -> None:
    """Make ``import dags_examples...`` use the folder that :func:`examples_folder` returns."""
    package = ModuleType("dags_examples")
    package.__path__ = [str(examples_folder(home))]
    sys.modules[package.__name__] = package
