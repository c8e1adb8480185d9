"""Change of Airflow's secrets backend while it runs: new settings, and a cleared cache."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tools.airflow_sandbox.environment import local_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "BACKEND",
    "KWARGS",
    "WORKERS_BACKEND",
    "WORKERS_KWARGS",
    "configure_secrets",
    "meddling",
    "secrets_settings",
]

BACKEND, KWARGS = "AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"
WORKERS_BACKEND, WORKERS_KWARGS = "AIRFLOW__WORKERS__SECRETS_BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"
_ALL = (BACKEND, KWARGS, WORKERS_BACKEND, WORKERS_KWARGS)


@contextlib.contextmanager
def secrets_settings(settings: Mapping[str, str]) -> Iterator[None]:
    """Configure this process's secrets backend temporarily; a missing setting is unset."""
    before = {name: os.environ[name] for name in _ALL if name in os.environ}
    backends = None if AIRFLOW_V_3_0_PLUS else list(_backends_of_2_11())
    configure_secrets(settings)
    try:
        yield
    finally:
        configure_secrets(before)
        if backends is not None:
            # The former backends, not new ones from the settings: another test may restore its own settings next, and
            # 2.11 creates backends again only as long as it has no more than its own two.
            _backends_of_2_11()[:] = backends


def configure_secrets(settings: Mapping[str, str]) -> None:
    """Configure this process's secrets backend: 3.x creates its backends once per process, 2.11 at its import."""
    for name in _ALL:
        os.environ.pop(name, None)
    os.environ.update(settings)
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.configuration import clear_secrets_backends_cache

        clear_secrets_backends_cache()
    else:
        from airflow import configuration

        _backends_of_2_11()[:] = configuration.initialize_secrets_backends()


def meddling(moment: str, connections: Path) -> dict[str, str]:
    """Return the settings of a backend that interferes at a moment.

    :param moment: a moment of :class:`~tests.dag_runs.interfering_backend.InterferingBackend`.
    :param connections: its file of connections; that of Variables is in the same folder.
    """
    kwargs = json.loads(local_secrets(connections.parent)[KWARGS]) | {"moment": moment}
    return {BACKEND: "tests.dag_runs.interfering_backend.InterferingBackend", KWARGS: json.dumps(kwargs)}


def _backends_of_2_11() -> list[Any]:
    from airflow import configuration

    backends: list[Any] = configuration.secrets_backend_list
    return backends
