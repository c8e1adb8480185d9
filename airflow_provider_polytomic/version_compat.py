"""What differs between Airflow 2.11 and 3.x. About assets see ``asset_compat``, about the form ``connection_form``.

Importing this module imports no more than ``airflow`` itself; everything else arrives when it is first asked for.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow import __version__ as _airflow_version

from airflow_provider_polytomic.bare import bare
from airflow_provider_polytomic.metastore_errors import told

if TYPE_CHECKING:
    from airflow.exceptions import AirflowFailException, AirflowSkipException
    from airflow.models import BaseOperator

    from airflow_provider_polytomic.api_key import ApiKey
    from airflow_provider_polytomic.records import Run

__all__ = [
    "AIRFLOW_V_3_0_PLUS",
    "AirflowFailException",
    "AirflowSkipException",
    "BaseOperator",
    "configured_secrets_backend",
    "dag_run",
    "logs_at_debug",
    "mask_secret",
    "metastore_address",
    "metastore_variable_delete",
    "metastore_variable_get",
    "metastore_variable_set",
    "qualified_name",
    "secrets_search_path",
    "shadowing_backend",
    "should_hide_value_for_key",
    "variable_get",
]

AIRFLOW_V_3_0_PLUS = int(_airflow_version.split(".")[0]) >= 3  # noqa: PLR2004 (the name says it)

_METASTORE_BACKENDS = {
    "airflow.secrets.metastore.MetastoreBackend",
    "airflow.sdk.execution_time.secrets.execution_api.ExecutionAPISecretsBackend",
}
# The names under which Airflow's own processes log; "supervisor" is the one that prints what a task sends.
_AIRFLOW_LOGGERS = ("", "airflow", "supervisor", "task")
# It must never change: a record names a run by an id that is derived from it.
_RUNS = uuid.UUID("0f0b6c1e-5b1a-5d0e-8a52-7c3e4b2d9f10")
_DEFAULT_BACKENDS = {"airflow.secrets.environment_variables.EnvironmentVariablesBackend", *_METASTORE_BACKENDS}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import what costs time when it is first used: BaseOperator alone takes seconds in a bare process."""
        if name == "BaseOperator":
            module = "airflow.sdk" if AIRFLOW_V_3_0_PLUS else "airflow.models.baseoperator"
        elif name in {"AirflowFailException", "AirflowSkipException"}:
            module = "airflow.providers.common.compat.sdk"
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(module), name)
        return found


def qualified_name(cls: type) -> str:
    """Return the dotted name that Airflow's configuration uses for a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def secrets_search_path() -> list[Any]:
    """Return the secrets backends that a look-up in this very process asks, in their order.

    On 3.x the list depends on the process: a task asks the worker's backend, the environment and the Execution API
    (``airflow.sdk.execution_time.supervisor.ensure_secrets_backend_loaded``). On 2.11 every process has the same one.
    """
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

        return list(ensure_secrets_backend_loaded())
    from airflow.configuration import ensure_secrets_loaded

    return list(ensure_secrets_loaded())


def configured_secrets_backend() -> Any | None:
    """Return this process's custom backend (``[workers] secrets_backend``, else ``[secrets] backend``), or None.

    Both versions put it first in the search path, so nothing can shadow it.
    """
    first = secrets_search_path()[0]
    return None if qualified_name(type(first)) in _DEFAULT_BACKENDS else first


def shadowing_backend(key: str) -> Any | None:
    """Return the first backend before the metastore that answers for this Variable, or None."""
    for backend in secrets_search_path():
        if qualified_name(type(backend)) in _METASTORE_BACKENDS:
            return None
        if backend.get_variable(key=key) is not None:
            return backend
    return None


def variable_get(key: str) -> str | None:
    """Return what any consumer gets for this Variable, through the whole search path; None where nobody answers.

    Airflow swallows a backend's errors here, so None can also mean that a backend was unreachable.
    """
    from airflow_provider_polytomic.one_at_a_time import alone

    with alone:
        if _supervisor() is not None:
            from airflow.sdk import Variable as TaskVariable

            found = TaskVariable.get(key, default=None)
        else:
            from airflow.models import Variable

            found = Variable.get(key, default_var=None)
    return None if found is None else str(found)


def metastore_variable_get(key: str) -> str | None:
    """Read a Variable past this process's own backends: from the Execution API in a task of 3.x, else the database.

    :raises DeniedError: if the API server refuses.
    :raises UnavailableError: if there was no answer. (``ExecutionAPISecretsBackend`` would say "absent" then.)
    """
    return told("read", key, lambda: _get_through_api(key) if _supervisor() is not None else _get_from_database(key))


def metastore_variable_set(key: str, value: str, *, description: str) -> None:
    """Write a Variable to the metastore.

    :param description: for a new Variable. One that somebody gave is kept where it can be read, which the Execution API
        does not allow.
    :raises DeniedError: if the API server refuses.
    :raises UnavailableError: if there was no answer; whether it was written is not known.
    """

    def write() -> None:
        if _supervisor() is not None:
            from airflow.sdk import Variable as TaskVariable

            TaskVariable.set(key, value, description=description)
        else:
            _set_in_database(key, value, description)

    told("written", key, write)


def metastore_variable_delete(key: str) -> None:
    """Delete a Variable from the metastore; none there is no error.

    :raises DeniedError: if the API server refuses.
    :raises UnavailableError: if there was no answer; whether it was deleted is not known.
    """

    def delete() -> None:
        if _supervisor() is not None:
            from airflow.sdk import Variable as TaskVariable

            TaskVariable.delete(key)
        else:
            from airflow.models import Variable

            Variable.delete(key)

    told("deleted", key, delete)


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


@bare
def mask_secret(key: ApiKey) -> None:
    """Have Airflow's own log masking hide this key. No name goes with it: Airflow masks only under sensitive ones."""
    from airflow.providers.common.compat.sdk import mask_secret as airflow_mask_secret

    from airflow_provider_polytomic.one_at_a_time import alone

    with alone:
        airflow_mask_secret(key.reveal())


def should_hide_value_for_key(name: str) -> bool:
    """Whether Airflow masks the value of a Variable of this name when it shows it."""
    if not AIRFLOW_V_3_0_PLUS:
        module = "airflow.utils.log.secrets_masker"
    elif find_spec("airflow.sdk._shared") is not None:
        module = "airflow.sdk._shared.secrets_masker"
    else:  # before 3.2
        module = "airflow.sdk.execution_time.secrets_masker"
    return bool(import_module(module).should_hide_value_for_key(name))


def logs_at_debug() -> bool:
    """Whether Airflow logs at DEBUG here or, by the same configuration, in the supervisor of this task.

    3.3's supervisor then prints ``PutVariable(value=...)`` in clear.
    """
    from airflow.configuration import conf

    levels = {"": conf.get("logging", "logging_level", fallback="INFO")}
    for pair in conf.get("logging", "namespace_levels", fallback="").replace(",", " ").split():
        name, _, level = pair.partition("=")
        levels[name] = level
    configured = {level.upper() for name, level in levels.items() if name.partition(".")[0] in _AIRFLOW_LOGGERS}
    in_force = min(logging.getLogger(name).getEffectiveLevel() for name in _AIRFLOW_LOGGERS)
    return bool(configured & {"DEBUG", "NOTSET"}) or in_force <= logging.DEBUG


def dag_run(context: Any) -> Run:
    """Return the DAG run of a task: the same for every try and clear of it.

    Its id is derived from those of the DAG and the run, which can be long, and of characters that no tag holds.
    """
    from airflow_provider_polytomic.records import Run

    run, dag = context["dag_run"], context.get("dag")
    name = json.dumps([run.dag_id, run.run_id])
    return Run(str(uuid.uuid5(_RUNS, name)), _run_time(run), _zone(dag))


def _zone(dag: Any) -> tzinfo:
    """Return the time zone in which a DAG's schedule counts days: a cron timetable may have one of its own.

    2.11 keeps it in ``_timezone``; 3.x in ``timezone``, as the string that the DAG gives where it gives one.
    """
    timetable = getattr(dag, "timetable", None)
    timetable = getattr(timetable, "timetable", timetable)  # AssetOrTimeSchedule
    # Several crons of one timetable have one zone.
    timetable = next(iter(getattr(timetable, "timetables", ())), timetable)
    for zone in (
        *(getattr(timetable, name, None) for name in ("timezone", "_timezone")),
        getattr(dag, "timezone", None),
    ):
        if isinstance(zone, tzinfo):
            return zone
        if isinstance(zone, str):
            with suppress(ValueError, ZoneInfoNotFoundError):
                return ZoneInfo(zone)
    return UTC


def _run_time(run: Any) -> datetime:
    """Return the time that a DAG run is for, aware, in UTC.

    3.x: ``run_after`` (``logical_date`` is None for asset-triggered runs). 2.11: the end of the data interval for
    scheduled and backfill runs, the logical date for the others. ``start_date`` and ``queued_at`` change on clear.
    """
    if AIRFLOW_V_3_0_PLUS:
        moment = run.run_after
    else:
        kind = getattr(run.run_type, "value", run.run_type)
        moment = (
            run.data_interval_end if kind in {"scheduled", "backfill"} and run.data_interval_end else run.logical_date
        )
    return datetime.fromtimestamp(moment.timestamp(), tz=UTC)


def _supervisor() -> Any:
    """Return the channel to the supervisor: set in a task of 3.x (``dag.test()`` included), never on 2.11."""
    return getattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS", None)


def _get_through_api(key: str) -> str | None:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, VariableResult

    answer = _supervisor().send(GetVariable(key=key))
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
