"""Consumer of the key: a process that reads the connection and uses it in a loop.

``python -m tests.stress.reader CONN_ID`` writes a line for each call to its standard output, and ends when its
standard input does. The key is read again for each call, through the backend class that Airflow is configured with.
"""

from __future__ import annotations

import json
import sys
import threading

import requests
from airflow.providers.common.compat.sdk import BaseHook

__all__ = ["main"]


def main(conn_id: str) -> None:
    """Read and call until standard input ends."""
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    with requests.Session() as session:
        while not ended.is_set():
            sys.stdout.write(f"call {json.dumps(_call(session, conn_id))}\n")
            sys.stdout.flush()


def _call(session: requests.Session, conn_id: str) -> tuple[str, str | None]:
    try:
        connection = BaseHook.get_connection(conn_id)
        headers = {"Authorization": f"Bearer {connection.password}"}
        with session.get(f"{connection.host}/api/me", headers=headers, timeout=60) as answer:
            return str(answer.status_code), answer.json()["data"]["id"] if answer.ok else None
    except Exception as error:  # noqa: BLE001 (whatever a consumer meets is what is counted)
        return type(error).__name__, None


if __name__ == "__main__":
    main(sys.argv[1])
