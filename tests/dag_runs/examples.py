"""Example DAGs for tests: unchanged except for the wait between tries."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module, reload
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_polytomic.testing import PolytomicEmulator
    from tests.fixtures import Scene

__all__ = ["ENDS_THE_TRY", "assert_no_key_in", "example", "secrets_of"]

ENDS_THE_TRY = "retry_after=100000"
"""Option of a fault with a status, after which Airflow's next try sends the next request.

No try waits for so long, while other requests keep their default time limit, also on a slow machine.
"""


def example(name: str, *, retries: int | None = None, any_file: bool = False) -> Any:
    """Return a new DAG of one of the examples.

    :param retries: retries of each task; None for those of the example.
    :param any_file: whether its form accepts files in any folder, and not only in that of the example.
    """
    # All DAGs of one decorator share its parameters, and dag.test() changes them to the values of a run.
    dag = getattr(reload(import_module(f"dags_examples.{name}")), name)()
    # Airflow checks the form at the trigger, and again in each task, which has a copy of it.
    for form in [dag.params, *(task.params for task in dag.tasks)] if any_file else ():
        for field in {"file", "targets", "report"} & set(form):
            form.get_param(field).schema["pattern"] = "^file://"
    for task in dag.tasks:
        task.retry_delay = timedelta(0)
        if retries is not None:
            task.retries = retries
    return dag


def assert_no_key_in(airflow_db: Path, emulator: PolytomicEmulator, *, run_id: str, console: str = "") -> None:
    """Check that no part of any key is in the database or in a log.

    :param run_id: a run that must be in the database, which proves that it is the right one.
    :param console: output to search as well.
    """
    # SQLite keeps changes that it has not merged yet in files beside the database.
    files = [*airflow_db.parent.glob(f"{airflow_db.name}*"), *airflow_db.parent.glob("logs/**/*.log")]
    content = b"".join([*(file.read_bytes() for file in files), console.encode()])
    assert run_id.encode() in content, "this is not the database that the run was written to"
    for key in emulator.all_keys():
        pieces = {key[at : at + 12].encode() for at in range(len(key) - 11)}
        assert not [piece for piece in pieces if piece in content]


def secrets_of(scene: Scene) -> dict[str, Any]:
    """Return the secrets and records in the folder of Airflow's secrets, by file; locks are empty and omitted."""
    texts = {file.name: file.read_text() for file in scene.connections.parent.rglob("*") if file.is_file()}
    return {name: json.loads(text) for name, text in texts.items() if text}
