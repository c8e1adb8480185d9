"""How is Airflow given another secrets backend while it runs? By its settings, and by having it forget the last one."""

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
    """Configure this process's secrets backend for a while; a missing setting is one that is not set."""
    before = {name: os.environ[name] for name in _ALL if name in os.environ}
    backends = None if AIRFLOW_V_3_0_PLUS else list(_backends_of_2_11())
    configure_secrets(settings)
    try:
        yield
    finally:
        configure_secrets(before)
        if backends is not None:
            # As they were, not as the settings are: these may be of a test that is about to end as well, and 2.11 makes
            # its backends anew only as long as it knows no more than its own two.
            _backends_of_2_11()[:] = backends


def configure_secrets(settings: Mapping[str, str]) -> None:
    """Configure this process's secrets backend for good: 3.x makes its backends once a process, 2.11 at its import."""
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
    """Return the settings of a backend that misbehaves at a moment.

    :param moment: one that :class:`~tests.dag_runs.interfering_backend.InterferingBackend` knows.
    :param connections: its file; that of Variables is beside it.
    """
    kwargs = json.loads(local_secrets(connections.parent)[KWARGS]) | {"moment": moment}
    return {BACKEND: "tests.dag_runs.interfering_backend.InterferingBackend", KWARGS: json.dumps(kwargs)}


def _backends_of_2_11() -> list[Any]:
    from airflow import configuration

    backends: list[Any] = configuration.secrets_backend_list
    return backends
