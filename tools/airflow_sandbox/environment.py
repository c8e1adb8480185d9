"""Environment variables for an Airflow with its own home, which shares nothing with the user's.

This module does not import Airflow, which reads these variables at import.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["free_port", "isolated", "local_secrets", "private_folder", "serving"]


def private_folder(path: Path) -> Path:
    """Create a folder that only its owner can enter, and return its absolute path."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path.resolve()


def free_port() -> int:
    """Return a port of the loopback interface that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def isolated(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the user's environment without settings of Airflow, and with ``home`` as Airflow's home.

    :param environ: usually ``os.environ``; it is not changed.
    :param home: the folder for airflow.cfg, the SQLite database and the logs.
    """
    kept = {name: value for name, value in environ.items() if not name.lstrip("_").startswith("AIRFLOW_")}
    # The emulator and Airflow's own API are on loopback, which a proxy of the user cannot reach.
    direct = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost")))
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        # 2.11 reports its usage to a server otherwise.
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "NO_PROXY": direct,
        "no_proxy": direct,
        # Airflow starts some of its processes as `airflow`.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath))),
    }


def serving(environ: Mapping[str, str], dags_folder: Path, port: int, log_level: str) -> dict[str, str]:
    """Add the settings of a scheduler with LocalExecutor and, on Airflow 3, of an API server on loopback.

    :param environ: the result of :func:`isolated`.
    :param port: the port of the API server.
    :param log_level: ``INFO``, ``DEBUG`` ...
    """
    address = f"http://127.0.0.1:{port}"
    return dict(environ) | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder.resolve()),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # 32 by default, each a process.
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": log_level,
        # SQLite gives up after 5 s by default, while two busy cores can make it wait longer for another process.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{environ['AIRFLOW_HOME']}/airflow.db?timeout=60",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # 2.11 rejects SQLite with LocalExecutor without this; with four slots it runs well.
        "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
        # SQLite locks no rows: if a task that has just ended and 2.11's scheduler both expand a mapped task, it dies.
        "AIRFLOW__SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION": "False",
        # Airflow 3: tasks use the API server. Every client on loopback is its admin, so it must have no real data.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        # A busy machine may need longer than the default half a minute to import a DAG file.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
        "AIRFLOW__CORE__DAG_FILE_PROCESSOR_TIMEOUT": "600",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
        # The default is five minutes.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "10",
    }


def local_secrets(folder: Path) -> dict[str, str]:
    """Create the two files of Airflow's LocalFilesystemBackend, and return the settings for it.

    :param folder: for connections.json and variables.json, of mode 0600; existing files are kept. The backend fails
        on a missing or empty file, so they start as an empty object.
    """
    private_folder(folder)
    files = {name: folder.resolve() / f"{name}.json" for name in ("connections", "variables")}
    for file in files.values():
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text("{}\n")
    kwargs = {f"{name}_file_path": str(file) for name, file in files.items()}
    return {
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
    }
