"""Secrets backends that Airflow reads from in this process, in their order."""

from __future__ import annotations

from typing import Any

from airflow_provider_polytomic._airflow.supervisor import SUPERVISOR_LOCK, supervisor_channel
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS

__all__ = ["configured_secrets_backend", "get_variable", "qualified_name", "secrets_search_path", "shadowing_backend"]

_METASTORE_BACKENDS = {
    "airflow.secrets.metastore.MetastoreBackend",
    "airflow.sdk.execution_time.secrets.execution_api.ExecutionAPISecretsBackend",
}
_DEFAULT_BACKENDS = {"airflow.secrets.environment_variables.EnvironmentVariablesBackend", *_METASTORE_BACKENDS}


def qualified_name(cls: type) -> str:
    """Return the dotted name that Airflow's configuration uses for a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def secrets_search_path() -> list[Any]:
    """Return the secrets backends that a lookup in this process uses, in their order.

    On 3.x the list depends on the process: a task uses the worker's backend, the environment and the Execution API
    (``airflow.sdk.execution_time.supervisor.ensure_secrets_backend_loaded``). On 2.11 every process has the same list.
    """
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

        return list(ensure_secrets_backend_loaded())
    from airflow.configuration import ensure_secrets_loaded

    return list(ensure_secrets_loaded())


def configured_secrets_backend() -> Any | None:
    """Return this process's custom backend (``[workers] secrets_backend``, else ``[secrets] backend``), or None.

    Both versions put it first in the search path, so no other backend can shadow it.
    """
    first = secrets_search_path()[0]
    return None if qualified_name(type(first)) in _DEFAULT_BACKENDS else first


def shadowing_backend(key: str) -> Any | None:
    """Return the first backend before the metastore that has this Variable, or None."""
    for backend in secrets_search_path():
        if qualified_name(type(backend)) in _METASTORE_BACKENDS:
            return None
        if backend.get_variable(key=key) is not None:
            return backend
    return None


def get_variable(key: str) -> str | None:
    """Return the value that consumers get for this Variable through the search path, or None.

    Airflow ignores a backend's errors here, so None can also mean that a backend was unreachable.
    """
    with SUPERVISOR_LOCK:
        if supervisor_channel() is not None:
            from airflow.sdk import Variable as TaskVariable

            value = TaskVariable.get(key, default=None)
        else:
            from airflow.models import Variable

            value = Variable.get(key, default_var=None)
    return None if value is None else str(value)
