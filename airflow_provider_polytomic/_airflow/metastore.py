"""Variables in Airflow's metastore, read and written past this process's own secrets backends.

An error is translated by its type and status only, because Airflow's messages may quote the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from airflow_provider_polytomic._airflow.supervisor import SUPERVISOR_LOCK, supervisor_channel
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.exceptions import SecretStoreDeniedError, SecretStoreError, SecretStoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["metastore_address", "metastore_variable_delete", "metastore_variable_get", "metastore_variable_set"]

T = TypeVar("T")


def metastore_variable_get(key: str) -> str | None:
    """Read a Variable past this process's own backends: from the Execution API in a task of 3.x, else the database.

    :raises SecretStoreDeniedError: if the API server refuses.
    :raises SecretStoreUnavailableError: if there was no answer. (``ExecutionAPISecretsBackend`` would say "absent"
        then.)
    """
    read = _get_from_database if supervisor_channel() is None else _get_through_api
    return call_metastore("read", key, lambda: read(key))


def metastore_variable_set(key: str, value: str, *, description: str) -> None:
    """Write a Variable to the metastore.

    :param description: for a new Variable. One that somebody gave is kept where it can be read, which the Execution API
        does not allow.
    :raises SecretStoreDeniedError: if the API server refuses.
    :raises SecretStoreUnavailableError: if there was no answer; whether it was written is not known.
    """

    def write() -> None:
        if supervisor_channel() is not None:
            from airflow.sdk import Variable as TaskVariable

            TaskVariable.set(key, value, description=description)
        else:
            _set_in_database(key, value, description)

    call_metastore("written", key, write)


def metastore_variable_delete(key: str) -> None:
    """Delete a Variable from the metastore; none there is no error.

    :raises SecretStoreDeniedError: if the API server refuses.
    :raises SecretStoreUnavailableError: if there was no answer; whether it was deleted is not known.
    """

    def delete() -> None:
        if supervisor_channel() is not None:
            from airflow.sdk import Variable as TaskVariable

            TaskVariable.delete(key)
        else:
            from airflow.models import Variable

            Variable.delete(key)

    call_metastore("deleted", key, delete)


def metastore_address() -> str:
    """Return where the metastore is, without credentials: the address of the Execution API (3.x) or database (2.11)."""
    from airflow.configuration import conf

    if AIRFLOW_V_3_0_PLUS:
        url = conf.get("core", "execution_api_server_url", fallback="") or conf.get("api", "base_url", fallback="")
        parts = urlsplit(url)
        return (
            parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl() or "this deployment"
        )
    from sqlalchemy.engine import make_url

    database = make_url(conf.get("database", "sql_alchemy_conn"))
    host = database.host or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{database.port}" if database.port else ""
    return f"{database.get_backend_name()}://{host}{port}/{database.database or ''}"


def _get_through_api(key: str) -> str | None:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, VariableResult

    answer = supervisor_channel().send(GetVariable(key=key))
    if isinstance(answer, VariableResult):
        return answer.value
    if not isinstance(answer, ErrorResponse):
        raise TypeError(type(answer).__name__)
    if answer.error == ErrorType.VARIABLE_NOT_FOUND:
        return None
    raise AirflowRuntimeError(answer)


def _get_from_database(key: str) -> str | None:
    from airflow.secrets.metastore import MetastoreBackend

    found: str | None = MetastoreBackend().get_variable(key)
    return found


def _set_in_database(key: str, value: str, description: str) -> None:
    from airflow.models import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        kept = session.scalar(select(Variable.description).where(Variable.key == key))
    Variable.set(key, value, description=kept or description)


def call_metastore(what: str, key: str, act: Callable[[], T]) -> T:
    """Do this with a Variable, and tell an error by its kind only, because Airflow's words may quote the value.

    One thread does at a time.

    :param what: what is done: ``read``, ``written``, ``deleted``.
    :param act: does it, and returns what was found.
    :raises SecretStoreDeniedError: if the API server refuses.
    :raises SecretStoreUnavailableError: for everything else.
    """
    try:
        with SUPERVISOR_LOCK:
            return act()
    except Exception as error:  # noqa: BLE001 (Airflow raises anything)
        problem = _problem(error, what, key)
    raise problem


def _problem(error: Exception, what: str, key: str) -> SecretStoreError:
    """Tell a refusal from everything else by its status, never by its words."""
    answer = getattr(error, "error", None)  # AirflowRuntimeError
    detail = getattr(answer, "detail", None) or {}
    status = getattr(getattr(error, "response", None), "status_code", None) or detail.get("status_code")
    if status in (401, 403):
        return SecretStoreDeniedError(
            f"The Variable {key} was not {what}: Airflow's API server answered {status}. "
            "Let this task's team or role use that Variable.",
            reason="refused_by_airflow",
        )
    state = "nothing was changed" if what == "read" else f"whether it was {what} is not known, so it is read again"
    kind = f"{type(error).__name__}{f', status {status}' if status else ''}"
    return SecretStoreUnavailableError(
        f"The Variable {key} could not be {what} in Airflow's metastore ({kind}); {state}. "
        "See the log of the API server or the database.",
        reason="no_answer",
    )
