from __future__ import annotations

import importlib
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic._airflow import masking, metastore, secrets_backends, version
from airflow_provider_polytomic.exceptions import SecretStoreDeniedError, SecretStoreError, SecretStoreUnavailableError
from airflow_provider_polytomic.operators import _dag_run

only_3 = pytest.mark.skipif(not version.AIRFLOW_V_3_0_PLUS, reason="Airflow 3")
only_2 = pytest.mark.skipif(version.AIRFLOW_V_3_0_PLUS, reason="Airflow 2")

BACKEND = "airflow.secrets.local_filesystem.LocalFilesystemBackend"


@pytest.fixture
def settings(monkeypatch):
    yield lambda name, value: monkeypatch.setenv(f"AIRFLOW__{name}", value)
    if version.AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.configuration import clear_secrets_backends_cache

        clear_secrets_backends_cache()


def test_importing_it_brings_no_operator_and_no_compat_layer():
    code = (
        "import sys, airflow; before = set(sys.modules); import airflow_provider_polytomic._airflow.version;"
        "print([m for m in set(sys.modules) - before if m.startswith('airflow.')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_lazy_names_are_airflows_own():
    from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

    assert version.AirflowFailException is AirflowFailException
    assert version.BaseOperator is BaseOperator
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        getattr(version, "Other")  # noqa: B009 (mypy knows that there is none)


def test_without_a_custom_backend_there_is_none():
    assert secrets_backends.configured_secrets_backend() is None


def test_the_custom_backend_is_the_one_that_this_process_reads_with(settings):
    settings("SECRETS__BACKEND", BACKEND)
    settings("SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": "/general.json"}))
    backend = secrets_backends.configured_secrets_backend()
    assert isinstance(backend, LocalFilesystemBackend)
    assert backend.connections_file == "/general.json"


@only_3
def test_the_workers_own_backend_comes_first(settings):
    settings("SECRETS__BACKEND", BACKEND)
    settings("SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": "/general.json"}))
    settings("WORKERS__SECRETS_BACKEND", BACKEND)
    settings("WORKERS__SECRETS_BACKEND_KWARGS", json.dumps({"connections_file_path": "/worker.json"}))
    backend = secrets_backends.configured_secrets_backend()
    assert isinstance(backend, LocalFilesystemBackend)
    assert backend.connections_file == "/worker.json"


@pytest.mark.parametrize(
    ("kind", "variable"), [("variable", "AIRFLOW_VAR_ACME_X"), ("connection", "AIRFLOW_CONN_ACME_X")]
)
def test_an_environment_variable_answers_for_the_metastore(monkeypatch, kind, variable):
    assert secrets_backends.find_other_answer(kind, "acme_x", None) is None
    monkeypatch.setenv(variable, "postgres://stale")
    answer = secrets_backends.find_other_answer(kind, "acme_x", None)
    assert answer == f"the environment variable {variable} (EnvironmentVariablesBackend)"


class FakeSupervisor:
    """A channel whose API server gives one answer."""

    def __init__(self, answer):
        self.answer, self.requests = answer, []

    def send(self, request):
        self.requests.append(type(request).__name__)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@only_3
@pytest.mark.parametrize("kind", ["connection", "variable"])
def test_a_task_asks_the_api_server_and_takes_no_failure_for_an_absence(monkeypatch, kind):
    """``ExecutionAPISecretsBackend`` itself returns None for every failure."""
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ConnectionResult, ErrorResponse, VariableResult

    def ask(answer):
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", FakeSupervisor(answer), raising=False)
        return secrets_backends.find_other_answer(kind, "acme_x", LocalFilesystemBackend())

    there = {
        "connection": object.__new__(ConnectionResult),
        "variable": VariableResult(key="acme_x", value="v"),
    }
    absent = {"connection": ErrorType.CONNECTION_NOT_FOUND, "variable": ErrorType.VARIABLE_NOT_FOUND}
    assert ask(ErrorResponse(error=absent[kind])) is None
    assert "ExecutionAPISecretsBackend" in str(ask(there[kind]))
    failures = [
        (ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 502}), SecretStoreUnavailableError),
        (ErrorResponse(error=ErrorType.GENERIC_ERROR), SecretStoreUnavailableError),
        (OSError("s3cr3t"), SecretStoreUnavailableError),
        (ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 403}), SecretStoreDeniedError),
    ]
    for failure, expected in failures:
        with pytest.raises(expected, match=f"(?i)^the {kind} acme_x") as caught:
            ask(failure)
        assert "s3cr3t" not in str(caught.value)
        assert caught.value.__context__ is None


@only_2
def test_the_database_is_asked_without_reading_the_connection(monkeypatch, airflow_db):
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    own = LocalFilesystemBackend()
    assert secrets_backends.find_other_answer("connection", "acme_x", own) is None
    with create_session() as session:
        session.add(Connection(conn_id="acme_x", conn_type="http", password="s3cr3t"))
    try:
        monkeypatch.setattr(Connection, "get_password", lambda _: pytest.fail("the password was read"))
        answer = secrets_backends.find_other_answer("connection", "acme_x", own)
    finally:
        with create_session() as session:
            session.query(Connection).filter(Connection.conn_id == "acme_x").delete()
    assert answer == "Airflow's metadata database (MetastoreBackend)"


IDS = {"dag_id": "rotate", "run_id": "manual__1"}
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=2)))


@only_3
def test_the_time_of_a_run_is_its_run_after():
    run = SimpleNamespace(run_after=NOON, logical_date=None, start_date=datetime.now(UTC), **IDS)
    found = _dag_run.current_run({"dag_run": run})
    assert (found.time, found.time.tzinfo, found.zone) == (NOON, UTC, UTC)


@only_2
@pytest.mark.parametrize(
    ("run_type", "expected"),
    [
        ("scheduled", NOON),
        ("backfill", NOON),
        ("manual", NOON - timedelta(days=1)),
        ("dataset_triggered", NOON - timedelta(days=1)),
    ],
)
def test_the_time_of_a_run_is_when_its_interval_ends_or_its_logical_date(run_type, expected):
    from airflow.utils.types import DagRunType

    times = {"data_interval_end": NOON, "logical_date": NOON - timedelta(days=1)}
    found = _dag_run.current_run({"dag_run": SimpleNamespace(run_type=DagRunType(run_type), **times, **IDS)})
    assert (found.time, found.time.tzinfo, found.zone) == (expected, UTC, UTC)


def test_a_run_is_known_by_the_ids_of_its_dag_and_itself_and_by_nothing_else():
    def run_id(dag_id: str, run_id: str, time: datetime = NOON) -> str:
        run = SimpleNamespace(
            dag_id=dag_id, run_id=run_id, run_type="manual", run_after=time, logical_date=time, data_interval_end=time
        )
        return _dag_run.current_run({"dag_run": run}).id

    this = run_id("rotate", "scheduled__1")
    assert this == run_id("rotate", "scheduled__1", NOON + timedelta(days=1))
    others = {run_id("rotate", "backfill__1"), run_id("rotate_too", "scheduled__1"), run_id("rotatescheduled__", "1")}
    assert len(others | {this}) == 4
    assert this == "e298dc0e-2768-52d1-8877-930bd817d1d0"  # workers can have different versions of this package


def _in_berlin(case: str) -> object:
    module: Any = importlib.import_module("airflow.sdk" if version.AIRFLOW_V_3_0_PLUS else "airflow.timetables.trigger")
    if case == "several":
        return module.MultipleCronTriggerTimetable("0 4 * * 0", "0 4 * * 3", timezone="Europe/Berlin")
    zone = pendulum.timezone("Europe/Berlin")
    return module.CronTriggerTimetable("0 4 * * 0", timezone="Europe/Berlin" if case == "by name" else zone)


@pytest.mark.parametrize("case", ["by name", "by its object", pytest.param("several", marks=only_3)])
def test_a_run_has_the_time_zone_of_its_timetable(case):
    dag = DAG("weekly", start_date=pendulum.datetime(2026, 1, 1), schedule=_in_berlin(case))
    run = SimpleNamespace(run_type="manual", run_after=NOON, logical_date=NOON, data_interval_end=NOON, **IDS)
    assert str(_dag_run.current_run({"dag_run": run, "dag": dag}).zone) == "Europe/Berlin"


def test_a_run_has_the_time_zone_of_its_dag():
    berlin = pendulum.datetime(2026, 1, 1, tz="Europe/Berlin")
    dag = DAG("weekly", start_date=berlin, schedule="@weekly")
    run = SimpleNamespace(run_type="manual", run_after=NOON, logical_date=NOON, data_interval_end=NOON, **IDS)
    assert str(_dag_run.current_run({"dag_run": run, "dag": dag}).zone) == "Europe/Berlin"


@only_2
def test_the_address_of_a_database_may_be_one_of_ipv6(settings):
    settings("DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://user:password@[fd00::10]:5432/airflow")
    assert metastore.address() == "postgresql://[fd00::10]:5432/airflow"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LOGGING_LEVEL", "INFO", False),
        ("LOGGING_LEVEL", "DEBUG", True),
        ("LOGGING_LEVEL", "debug", True),
        ("NAMESPACE_LEVELS", "supervisor=debug", True),
        ("NAMESPACE_LEVELS", "airflow.sdk=DEBUG, my.library=info", True),
        ("NAMESPACE_LEVELS", "my.library=debug", False),
    ],
)
def test_debug_is_seen_in_the_settings(settings, name, value, expected):
    settings(f"LOGGING__{name}", value)
    assert masking.logs_at_debug() is expected


def test_debug_is_seen_in_force(caplog):
    assert not masking.logs_at_debug()
    with caplog.at_level(logging.DEBUG):
        assert masking.logs_at_debug()


@pytest.mark.parametrize(("name", "hidden"), [("acme_api_key", True), ("acme_token", True), ("acme_polytomic", False)])
def test_airflow_masks_by_name(name, hidden):
    assert masking._should_hide_value_for_key(name) is hidden


@only_2
def test_the_address_of_the_database_has_no_credentials(settings):
    settings("DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://user:s3cr3t@db.internal:5433/airflow?password=s3cr3t")
    assert metastore.address() == "postgresql://db.internal:5433/airflow"


@only_3
def test_the_address_of_the_execution_api_has_no_credentials(settings):
    settings("CORE__EXECUTION_API_SERVER_URL", "https://user:s3cr3t@api.internal:8080/execution/")
    assert metastore.address() == "https://api.internal:8080/execution/"


class Supervisor:
    """Airflow's side of the channel; it returns the same response to every message."""

    def __init__(self, answer):
        self.answer = answer

    def send(self, _message):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answer_of(kind, detail):
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    return ErrorResponse(error=ErrorType[kind], detail=detail)


def raised_by(act, answer):
    """Return the error of a call whose message gets this response, and check that it quotes nothing of the value."""
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms

    with set_supervisor_comms(Supervisor(answer)), pytest.raises(SecretStoreError) as caught:
        act()
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__context__ is None
    return type(caught.value), caught.value.reason


REFUSED, UNKNOWN = (SecretStoreDeniedError, "refused_by_airflow"), (SecretStoreUnavailableError, "no_answer")


@only_3
@pytest.mark.parametrize(
    ("kind", "detail", "raised"),
    [
        ("PERMISSION_DENIED", {"status_code": 403}, REFUSED),
        ("API_SERVER_ERROR", {"status_code": 403, "detail": "s3cr3t"}, REFUSED),
        ("API_SERVER_ERROR", {"status_code": 500, "detail": "s3cr3t"}, UNKNOWN),
        ("GENERIC_ERROR", None, UNKNOWN),
    ],
)
@pytest.mark.parametrize("thrown", [False, True], ids=["answered", "thrown"])
def test_a_failed_read_is_never_taken_for_absent(kind, detail, raised, thrown):
    from airflow.sdk.exceptions import AirflowRuntimeError

    answer = answer_of(kind, detail)
    found = raised_by(lambda: metastore.get_variable("acme"), AirflowRuntimeError(answer) if thrown else answer)
    assert found == raised


CHANGES = {
    "set": lambda: metastore.set_variable("acme", "s3cr3t-key", description="d"),
    "delete": lambda: metastore.delete_variable("acme"),
}


@only_3
@pytest.mark.parametrize(("status", "raised"), [(403, REFUSED), (500, UNKNOWN)])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_failed_change_shows_nothing_of_the_value(status, raised, change):
    from airflow.sdk.exceptions import AirflowRuntimeError

    answer = answer_of("API_SERVER_ERROR", {"status_code": status, "message": "s3cr3t-key"})
    assert raised_by(change, AirflowRuntimeError(answer)) == raised
