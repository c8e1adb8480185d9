"""Run a piece of a DAG file, unchanged, in a DAG around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import DAG

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["piece"]


def piece(content: str, name: str, folder: Path) -> Any:
    """Return a DAG with the tasks of the content.

    :param name: the id of the DAG.
    :param folder: the folder for the content as a file, because Airflow reads the source of a mapped function.
    """
    file = folder / "piece.py"
    file.write_text(content)
    with DAG(re.sub(r"\W", "_", name), schedule=None) as dag:
        exec(compile(content, file, "exec"), {"__name__": "piece"})
    return dag
