"""Airflow's local secrets backend, which fails or interferes at one moment of an issuance.

It does so when it reads the connection. Before the POST, the store lets it read a file with a placeholder; after it has
stored the key, the file in its place.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from airflow.secrets.local_filesystem import LocalFilesystemBackend

__all__ = ["DATABASE_PASSWORD", "InterferingBackend"]

# Not a Polytomic key, but a secret, too.
DATABASE_PASSWORD = "Wq7!uT-hunter2-of-the-warehouse"
PLACEHOLDER = "placeholder-of-a-polytomic-key"
FOREIGN = {"conn_type": "postgres", "host": "db.example", "password": DATABASE_PASSWORD}


class InterferingBackend(LocalFilesystemBackend):
    """A LocalFilesystemBackend with a concurrent writer, or with a fault whose error quotes everything it has read.

    :param moment: when to interfere, and how.
    """

    def __init__(self, moment: str, connections_file_path: str, variables_file_path: str) -> None:
        super().__init__(variables_file_path=variables_file_path, connections_file_path=connections_file_path)
        self.moment, self.in_place = moment, Path(connections_file_path)

    def get_connection(self, conn_id: str, *args: Any, **kwargs: Any) -> Any:
        """Read the connection, and interfere at the moment."""
        asked = Path(str(self.connections_file))
        content = asked.read_text()
        found = super().get_connection(conn_id, *args, **kwargs)
        if conn_id not in content or conn_id == "polytomic_default":
            return found
        ahead = asked.resolve() != self.in_place.resolve()
        if ahead and PLACEHOLDER in content:
            self._before_the_post(conn_id)
        elif not ahead:
            self._time_out_once()
            self._fail_if("fails after promote", content)
            self._after_promote(conn_id)
        return found

    def _before_the_post(self, conn_id: str) -> None:
        entries = json.loads(self.in_place.read_text())
        if self.moment == "foreign entry meanwhile":
            entries[conn_id] = FOREIGN
        elif self.moment == "illegal entry meanwhile":
            entries["other"] = {"bogus": DATABASE_PASSWORD}
        else:
            return
        self.in_place.write_text(json.dumps(entries))

    def _after_promote(self, conn_id: str) -> None:
        if self.moment == "record unwritable after promote":
            record = self.in_place.with_name(f"{self.in_place.name}.polytomic-issuance") / f"connection.{conn_id}.json"
            record.unlink()
            record.mkdir()

    def _time_out_once(self) -> None:
        """Raise the task's time-out now, in its first try."""
        struck = self.in_place.with_name("timed-out")
        if self.moment == "times out after promote" and not struck.exists():
            struck.touch()
            signal.raise_signal(signal.SIGALRM)

    def _fail_if(self, moment: str, content: str) -> None:
        if self.moment == moment:
            raise ValueError(f"cannot parse {content}")
