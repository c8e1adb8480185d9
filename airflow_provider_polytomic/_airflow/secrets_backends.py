"""Secrets backends that Airflow reads from in this process, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow import metastore
from airflow_provider_polytomic._airflow.supervisor import SUPERVISOR_LOCK, supervisor_channel
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from typing import Literal

__all__ = [
    "can_answer",
    "configured_secrets_backend",
    "find_other_answer",
    "get_variable",
    "qualified_name",
]

_METASTORE_BACKENDS = {
    "airflow.secrets.metastore.MetastoreBackend": "Airflow's metadata database",
    "airflow.sdk.execution_time.secrets.execution_api.ExecutionAPISecretsBackend": (
        "Airflow's metadata database, or another source that its API server reads"
    ),
}
_ENVIRONMENT = "airflow.secrets.environment_variables.EnvironmentVariablesBackend"
_DEFAULT_BACKENDS = {_ENVIRONMENT, *_METASTORE_BACKENDS}


def qualified_name(cls: type) -> str:
    """Return the dotted name that Airflow's configuration uses for a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _secrets_search_path() -> list[Any]:
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
    first = _secrets_search_path()[0]
    return None if qualified_name(type(first)) in _DEFAULT_BACKENDS else first


def can_answer(backend: Any, kind: Literal["connection", "variable"], name: str) -> bool:
    """Return whether a look-up of this name gets what the backend holds. Exceptions of its client pass through.

    Airflow asks the next backend if this one has nothing, or something that Airflow cannot interpret.
    """
    from airflow.providers.common.compat.sdk import AirflowException

    try:
        return _has_name(backend, qualified_name(type(backend)), kind, name)
    except (AirflowException, AttributeError, KeyError, TypeError, ValueError):
        return False


def find_other_answer(kind: Literal["connection", "variable"], name: str, own: Any | None) -> str | None:
    """Return what else than one backend answers a look-up of this name, for messages; None if nothing does.

    The answer itself is not kept. A backend that cannot be asked is an error, although Airflow's own look-up then asks
    the next one.

    :param own: the backend that is not asked; None stands for the metastore.
    :raises SecretStoreError: if the metastore cannot be asked.
    """
    for backend in _secrets_search_path():
        backend_type = qualified_name(type(backend))
        is_own = backend_type in _METASTORE_BACKENDS if own is None else type(backend) is type(own)
        if not is_own and _has_name(backend, backend_type, kind, name):
            return _describe(backend_type, kind, name)
    return None


def _has_name(backend: Any, backend_type: str, kind: str, name: str) -> bool:
    is_connection = kind == "connection"
    if backend_type in _METASTORE_BACKENDS:  # its own class returns None if the API server does not answer
        return metastore.has_connection(name) if is_connection else metastore.get_variable(name) is not None
    if backend_type == _ENVIRONMENT and is_connection:  # also one that Airflow could not parse
        return backend.get_conn_value(name) is not None
    with SUPERVISOR_LOCK:  # it may extend the log masking
        return (backend.get_connection(name) if is_connection else backend.get_variable(name)) is not None


def _describe(backend_type: str, kind: str, name: str) -> str:
    class_name = backend_type.rpartition(".")[2]
    if backend_type == _ENVIRONMENT:
        prefix = "AIRFLOW_CONN_" if kind == "connection" else "AIRFLOW_VAR_"
        return f"the environment variable {prefix}{name.upper()} ({class_name})"
    place = _METASTORE_BACKENDS.get(backend_type)
    return f"{place} ({class_name})" if place else f"the secrets backend {class_name}"


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
