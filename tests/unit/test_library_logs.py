"""Nothing that HTTP libraries log or print during a request of this package comes out, in its own thread only."""

from __future__ import annotations

import http.client
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_polytomic._support.library_logs import suppress_library_logs

BOTO = ["boto3", "botocore", "botocore.endpoint", "botocore.parsers"]
OTHERS = ["hvac.adapters", "requests", "urllib3", "urllib3.connection", "urllib3.connectionpool"]
LOGGERS = [*BOTO, *OTHERS]


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


def test_records_are_dropped_and_logged_again_afterwards(levels, collector):
    with suppress_library_logs():
        assert active(collector) == []
        assert active(collector, level=logging.INFO) == BOTO
        assert active(collector, level=logging.CRITICAL) == BOTO
        assert active(collector, ["another", "botocorelike", "urllib"]) == ["another", "botocorelike", "urllib"]
    assert levels_now() == levels
    assert active(collector) == LOGGERS


def test_nested_and_after_an_error_it_ends_with_the_outermost(collector):
    def fail():
        with suppress_library_logs(), suppress_library_logs():
            raise KeyError

    with suppress_library_logs():
        with pytest.raises(KeyError):
            fail()
        assert active(collector) == []
    assert active(collector) == LOGGERS


def test_another_thread_still_logs(collector):
    with suppress_library_logs(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(active, collector).result() == LOGGERS
        assert active(collector) == []


def test_each_of_many_threads_drops_records_until_it_leaves(collector):
    inside = threading.Barrier(8)

    def once():
        with suppress_library_logs():
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
    with suppress_library_logs():
        pass
    for name in LOGGERS:
        logging.getLogger(name).filters.clear()
    with suppress_library_logs():
        assert active(collector) == []


def test_a_logger_that_comes_later_is_dropped_too(collector):
    with suppress_library_logs():
        logging.getLogger("botocore.set.later").setLevel(logging.DEBUG)
        assert active(collector, ["botocore.endpoint", "botocore.set.later"]) == []
        logging.getLogger("botocore.made.later")
        with suppress_library_logs():
            assert active(collector, ["botocore.made.later"]) == []


def test_filters_do_not_add_up():
    for _ in range(3):
        with suppress_library_logs():
            pass
    assert [len(logging.getLogger(name).filters) for name in LOGGERS] == [1] * len(LOGGERS)


@pytest.fixture
def own_print(monkeypatch):
    """Let http.client print as it does before this package sends its first request."""
    monkeypatch.delitem(vars(http.client), "print", raising=False)


def print_as_http_client():
    vars(http.client).get("print", print)("send: a secret, perhaps")


def test_what_http_client_prints_is_dropped_in_this_thread_only(own_print, capsys):
    with suppress_library_logs():
        print_as_http_client()
        assert capsys.readouterr().out == ""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(print_as_http_client).result()
        assert capsys.readouterr().out == "send: a secret, perhaps\n"
    print_as_http_client()
    assert capsys.readouterr().out == "send: a secret, perhaps\n"


def test_a_program_that_logs_what_http_client_prints_continues_to_and_sees_no_secret(own_print, monkeypatch):
    lines: list[str] = []
    with suppress_library_logs():
        pass
    monkeypatch.setitem(vars(http.client), "print", lines.append)
    with suppress_library_logs():
        print_as_http_client()
    assert lines == []
    print_as_http_client()
    assert lines == ["send: a secret, perhaps"]


def test_wrappers_of_print_do_not_add_up(own_print):
    with suppress_library_logs():
        first = vars(http.client)["print"]
    with suppress_library_logs():
        assert vars(http.client)["print"] is first
