"""The example DAGs as tests run them: as they are, but without a wait between tries."""

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
"""Makes of a fault with a status one after which the next request is that of Airflow's next try.

No try waits for so long, while all that does get an answer has the time that it has by default, on a slow machine too.
"""


def example(name: str, *, retries: int | None = None) -> Any:
    """Return a new DAG of one of the examples.

    :param retries: of each task; None for those of the example.
    """
    # All DAGs of one decorator share its parameters, and dag.test() leaves the values of a run in them.
    dag = getattr(reload(import_module(f"dags_examples.{name}")), name)()
    for task in dag.tasks:
        task.retry_delay = timedelta(0)
        if retries is not None:
            task.retries = retries
    return dag


def assert_no_key_in(airflow_db: Path, emulator: PolytomicEmulator, *, run_id: str, console: str = "") -> None:
    """Search the bytes of the whole database and of all logs for any piece of any key.

    :param run_id: of a run that the database must know of, or it is another one.
    :param console: what was printed, which is searched as well.
    """
    # Beside the database is what SQLite has not merged into it yet.
    files = [*airflow_db.parent.glob(f"{airflow_db.name}*"), *airflow_db.parent.glob("logs/**/*.log")]
    content = b"".join([*(file.read_bytes() for file in files), console.encode()])
    assert run_id.encode() in content, "this is not the database that the run was written to"
    for key in emulator.all_keys():
        pieces = {key[at : at + 12].encode() for at in range(len(key) - 11)}
        assert not [piece for piece in pieces if piece in content]


def secrets_of(scene: Scene) -> dict[str, Any]:
    """Return what is in the folder of Airflow's secrets, by file: the secrets and their records; a lock is empty."""
    texts = {file.name: file.read_text() for file in scene.connections.parent.rglob("*") if file.is_file()}
    return {name: json.loads(text) for name, text in texts.items() if text}
