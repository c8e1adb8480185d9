"""Do secrets of AWS's stay out of the logs, and logs as they were set?"""

from __future__ import annotations

import logging
import threading

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from airflow_provider_polytomic.secret_stores.aws_quiet import quiet
from tests.unit.secret_stores.aws_scene import KEY, backend_of, connect, issue, opened, outside

LOGGERS = ["boto3", "botocore", "botocore.endpoint", "botocore.parsers"]


@pytest.fixture(autouse=True)
def levels():
    """At DEBUG, with one logger that says so itself; given back afterwards."""
    loggers = [logging.getLogger(name) for name in ["", *LOGGERS]]
    before = [logger.level for logger in loggers]
    logging.root.setLevel(logging.DEBUG)
    logging.getLogger("botocore.parsers").setLevel(logging.DEBUG)
    yield levels_now()
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def levels_now():
    return [logging.getLogger(name).level for name in LOGGERS]


def printing():
    return [name for name in LOGGERS if logging.getLogger(name).isEnabledFor(logging.DEBUG)]


def test_boto_is_held_at_info_and_given_back_as_it_was(levels):
    with quiet():
        assert printing() == []
        assert logging.getLogger("botocore.endpoint").isEnabledFor(logging.INFO)
        assert logging.getLogger("another").isEnabledFor(logging.DEBUG)
    assert levels_now() == levels
    assert printing() == LOGGERS


def test_nested_and_failing_it_ends_with_the_outermost(levels):
    def fail():
        with quiet(), quiet():
            raise KeyError

    with quiet():
        with pytest.raises(KeyError):
            fail()
        assert printing() == []
    assert levels_now() == levels


def test_of_many_threads_the_last_one_gives_back(levels):
    inside, leave = threading.Barrier(9), threading.Event()

    def hold():
        with quiet():
            inside.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    with quiet():
        pass
    assert printing() == []
    leave.set()
    for thread in threads:
        thread.join()
    assert levels_now() == levels


def test_a_logger_that_comes_later_is_held_too():
    with quiet():
        assert not logging.getLogger("botocore.made.later").isEnabledFor(logging.DEBUG)
        logging.getLogger("botocore.set.later").setLevel(logging.DEBUG)
        with quiet():
            assert not logging.getLogger("botocore.set.later").isEnabledFor(logging.DEBUG)
    assert logging.getLogger("botocore.set.later").level == logging.DEBUG


def test_what_somebody_sets_meanwhile_and_what_is_stricter_stays(levels):
    logging.getLogger("boto3").setLevel(logging.ERROR)
    with quiet():
        assert logging.getLogger("boto3").level == logging.ERROR
        logging.getLogger("botocore").setLevel(logging.WARNING)
    assert (logging.getLogger("boto3").level, logging.getLogger("botocore").level) == (logging.ERROR, logging.WARNING)


@pytest.mark.parametrize("cls", [SecretsManagerBackend, SystemsManagerParameterStoreBackend])
@pytest.mark.parametrize("uri", ["airflow://connection/acme", "airflow://variable/acme_api_key"])
def test_at_debug_no_request_of_ours_is_in_the_log(aws_server, caplog, cls, uri):
    backend = backend_of(aws_server, cls)
    issue(opened(backend, uri), "pk-live-the-first-one-0123456789")
    issue(opened(backend, uri))
    assert "pk-live" not in caplog.text
    backend.get_variable("acme_api_key")
    assert "botocore.endpoint" in {record.name for record in caplog.records}  # a consumer's own is Airflow's


@pytest.mark.parametrize("uri", ["aws-ssm://aws_writer@/a/b", "aws-secretsmanager://aws_writer@/a/b?field=f"])
def test_at_debug_no_request_of_a_connections_is_in_the_log(aws_server, caplog, monkeypatch, uri):
    connect(monkeypatch, aws_server)
    issue(outside(uri))
    assert KEY not in caplog.text
    assert not {record.name for record in caplog.records if record.levelno < logging.INFO} & set(LOGGERS)
