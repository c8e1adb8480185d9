"""Variables and connections in Airflow's metastore, without the secrets backends that this process is configured with.

Errors are translated by type and status only, because Airflow's messages may quote the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from airflow_provider_polytomic._airflow.supervisor import SUPERVISOR_LOCK, supervisor_channel
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic._support.base_url import bracket_host
from airflow_provider_polytomic.exceptions import SecretStoreDeniedError, SecretStoreError, SecretStoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["address", "delete_variable", "get_variable", "has_connection", "set_variable"]

T = TypeVar("T")


def get_variable(key: str) -> str | None:
    """Return a Variable: from the Execution API in a task of 3.x, otherwise from the database.

    :raises SecretStoreDeniedError: if the API server denies access.
    :raises SecretStoreUnavailableError: if there was no response. (``ExecutionAPISecretsBackend`` returns None then.)
    """
    read = _get_from_database if supervisor_channel() is None else _get_through_api
    return _call_metastore("read", key, lambda: read(key))


def has_connection(conn_id: str) -> bool:
    """Return whether there is a connection of this id; from the database, its fields are not read.

    :raises SecretStoreDeniedError: if the API server denies access.
    :raises SecretStoreUnavailableError: if there was no response.
    """
    find = _find_in_database if supervisor_channel() is None else _find_through_api
    return _call_metastore("read", conn_id, lambda: find(conn_id), kind="connection")


def set_variable(key: str, value: str, *, description: str) -> None:
    """Write a Variable to the metastore.

    :param description: description of a new Variable. An existing description is kept if it can be read; the Execution
        API does not return it.
    :raises SecretStoreDeniedError: if the API server denies access.
    :raises SecretStoreUnavailableError: if there was no response; whether the Variable was written is unknown.
    """

    def write() -> None:
        if supervisor_channel() is not None:
            from airflow.sdk import Variable as TaskVariable

            TaskVariable.set(key, value, description=description)
        else:
            _set_in_database(key, value, description)

    _call_metastore("written", key, write)


def delete_variable(key: str) -> None:
    """Delete a Variable from the metastore; a missing Variable is not an error.

    :raises SecretStoreDeniedError: if the API server denies access.
    :raises SecretStoreUnavailableError: if there was no response; whether the Variable was deleted is unknown.
    """

    def delete() -> None:
        if supervisor_channel() is not None:
            from airflow.sdk import Variable as TaskVariable

            TaskVariable.delete(key)
        else:
            from airflow.models import Variable

            Variable.delete(key)

    _call_metastore("deleted", key, delete)


def address() -> str:
    """Return the address of the metastore without credentials: the Execution API (3.x) or the database (2.11)."""
    from airflow.configuration import conf

    if AIRFLOW_V_3_0_PLUS:
        url = conf.get("core", "execution_api_server_url", fallback="") or conf.get("api", "base_url", fallback="")
        parts = urlsplit(url)
        return (
            parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl() or "this deployment"
        )
    from sqlalchemy.engine import make_url

    database = make_url(conf.get("database", "sql_alchemy_conn"))
    host = bracket_host(database.host)
    port = f":{database.port}" if database.port else ""
    return f"{database.get_backend_name()}://{host}{port}/{database.database or ''}"


def _get_through_api(key: str) -> str | None:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, VariableResult

    response = supervisor_channel().send(GetVariable(key=key))
    if isinstance(response, VariableResult):
        return response.value
    if not isinstance(response, ErrorResponse):
        raise TypeError(type(response).__name__)
    if response.error == ErrorType.VARIABLE_NOT_FOUND:
        return None
    raise AirflowRuntimeError(response)


def _find_through_api(conn_id: str) -> bool:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ConnectionResult, ErrorResponse, GetConnection

    response = supervisor_channel().send(GetConnection(conn_id=conn_id))
    if isinstance(response, ConnectionResult):
        return True
    if not isinstance(response, ErrorResponse):
        raise TypeError(type(response).__name__)
    if response.error == ErrorType.CONNECTION_NOT_FOUND:
        return False
    raise AirflowRuntimeError(response)


def _find_in_database(conn_id: str) -> bool:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return session.scalar(select(Connection.conn_id).where(Connection.conn_id == conn_id)) is not None


def _get_from_database(key: str) -> str | None:
    from airflow.secrets.metastore import MetastoreBackend

    value: str | None = MetastoreBackend().get_variable(key)
    return value


def _set_in_database(key: str, value: str, description: str) -> None:
    from airflow.models import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        existing = session.scalar(select(Variable.description).where(Variable.key == key))
    Variable.set(key, value, description=existing or description)


def _call_metastore(action: str, key: str, call: Callable[[], T], *, kind: str = "Variable") -> T:
    """Access a Variable, one thread at a time, and translate errors without their text, which may quote the value.

    :param action: ``read``, ``written`` or ``deleted``, for the message.
    :param call: accesses the Variable.
    :param kind: what is accessed, if it is not a Variable.
    :raises SecretStoreDeniedError: if the API server denies access.
    :raises SecretStoreUnavailableError: for any other error.
    """
    try:
        with SUPERVISOR_LOCK:
            return call()
    except Exception as error:  # noqa: BLE001 (Airflow raises any class)
        translated = _to_exception(error, action, f"{kind} {key}")
    raise translated


def _to_exception(error: Exception, action: str, what: str) -> SecretStoreError:
    """Return the error for a failed access; only the status distinguishes a denial."""
    response = getattr(error, "error", None)  # AirflowRuntimeError
    detail = getattr(response, "detail", None) or {}
    status = getattr(getattr(error, "response", None), "status_code", None) or detail.get("status_code")
    if status in (401, 403):
        return SecretStoreDeniedError(
            f"The {what} was not {action}: Airflow's API server returned {status}. "
            f"Allow this task's team or role to use the {what.partition(' ')[0]}.",
            reason="refused_by_airflow",
        )
    state = "Nothing was changed." if action == "read" else f"It is unknown whether it was {action}; a retry reads it."
    cause = f"{type(error).__name__}{f', status {status}' if status else ''}"
    return SecretStoreUnavailableError(
        f"The {what} could not be {action} in Airflow's metastore ({cause}). {state} "
        "See the log of the API server or the database.",
        reason="no_answer",
    )
