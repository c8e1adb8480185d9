"""Secrets in AWS stay out of DEBUG logs, and the levels of loggers stay as they are."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from airflow_provider_polytomic.secret_stores.aws.logging import suppress_debug_logs
from tests.unit.secret_stores.aws_fixtures import KEY, connect, issue, make_backend, open_on, open_outside

LOGGERS = ["boto3", "botocore", "botocore.endpoint", "botocore.parsers"]


@pytest.fixture(autouse=True)
def levels():
    """Set DEBUG for the root logger and for one of boto's; restore the levels afterwards."""
    loggers = [logging.getLogger(name) for name in ["", *LOGGERS]]
    before = [logger.level for logger in loggers]
    logging.root.setLevel(logging.DEBUG)
    logging.getLogger("botocore.parsers").setLevel(logging.DEBUG)
    yield levels_now()
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


class Collector(logging.Handler):
    """The names of the loggers with output, in any thread."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def emit(self, record):
        self.names.add(record.name)


@pytest.fixture
def collector():
    handler = Collector()
    logging.root.addHandler(handler)
    yield handler
    logging.root.removeHandler(handler)


def levels_now():
    return [logging.getLogger(name).level for name in LOGGERS]


def active(collector, names=LOGGERS, level=logging.DEBUG):
    """Return the loggers whose records are emitted."""
    collector.names.clear()
    for name in names:
        logging.getLogger(name).log(level, "a secret, perhaps")
    return [name for name in names if name in collector.names]


def test_boto_is_dropped_below_info_and_logs_again_afterwards(levels, collector):
    with suppress_debug_logs():
        assert active(collector) == []
        assert active(collector, level=logging.INFO) == LOGGERS
        assert active(collector, ["another", "botocorelike"]) == ["another", "botocorelike"]
    assert levels_now() == levels
    assert active(collector) == LOGGERS


def test_nested_and_after_an_error_it_ends_with_the_outermost(collector):
    def fail():
        with suppress_debug_logs(), suppress_debug_logs():
            raise KeyError

    with suppress_debug_logs():
        with pytest.raises(KeyError):
            fail()
        assert active(collector) == []
    assert active(collector) == LOGGERS


def test_another_thread_still_logs(collector):
    with suppress_debug_logs(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(active, collector).result() == LOGGERS
        assert active(collector) == []


def test_each_of_many_threads_drops_records_until_it_leaves(collector):
    inside = threading.Barrier(8)

    def once():
        with suppress_debug_logs():
            inside.wait(60)
            for name in LOGGERS:
                logging.getLogger(name).debug("a secret, perhaps")
            inside.wait(60)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(once) for _ in range(8)]:
            done.result()
    assert collector.names & set(LOGGERS) == set()
    assert active(collector) == LOGGERS


def test_filters_that_a_logging_set_up_drops_are_added_by_the_next_request(collector):
    with suppress_debug_logs():
        pass
    for name in LOGGERS:
        logging.getLogger(name).filters.clear()
    with suppress_debug_logs():
        assert active(collector) == []


def test_a_logger_that_comes_later_is_dropped_too(collector):
    with suppress_debug_logs():
        logging.getLogger("botocore.set.later").setLevel(logging.DEBUG)
        assert active(collector, ["botocore.endpoint", "botocore.set.later"]) == []
        logging.getLogger("botocore.made.later")
        with suppress_debug_logs():
            assert active(collector, ["botocore.made.later"]) == []


def test_filters_do_not_add_up():
    for _ in range(3):
        with suppress_debug_logs():
            pass
    assert [len(logging.getLogger(name).filters) for name in LOGGERS] == [1] * len(LOGGERS)


@pytest.mark.parametrize("cls", [SecretsManagerBackend, SystemsManagerParameterStoreBackend])
@pytest.mark.parametrize("uri", ["airflow://connection/acme", "airflow://variable/acme_api_key"])
def test_at_debug_no_request_of_the_package_is_logged(aws_server, caplog, cls, uri):
    backend = make_backend(aws_server, cls)
    issue(open_on(backend, uri), "pk-live-the-first-one-0123456789")
    issue(open_on(backend, uri))
    assert "pk-live" not in caplog.text
    backend.get_variable("acme_api_key")
    assert "botocore.endpoint" in {
        record.name for record in caplog.records
    }  # a consumer's own reads are logged as configured


@pytest.mark.parametrize("uri", ["aws-ssm://aws_writer@/a/b", "aws-secretsmanager://aws_writer@/a/b?field=f"])
def test_at_debug_no_request_over_a_connection_is_logged(aws_server, caplog, monkeypatch, uri):
    connect(monkeypatch, aws_server)
    issue(open_outside(uri))
    assert KEY not in caplog.text
    assert not {record.name for record in caplog.records if record.levelno < logging.INFO} & set(LOGGERS)
