"""A call stays within retry_for and honours Retry-After."""

from __future__ import annotations

import itertools
import json
import socket
from contextlib import suppress
from email.utils import formatdate

import pytest

from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic._support.retry import RetryPolicy
from airflow_provider_polytomic.exceptions import (
    PolytomicConnectionError,
    PolytomicRateLimitedError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.hooks._retry import never_retry, should_retry_idempotent
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import ORG, FakeTime, Reply

LIST = Reply(body=json.dumps({"data": []}))
BACKOFF = 0.375  # the first one: half a second, with a jitter that is always in the middle


def test_waits_grow_up_to_a_maximum_and_have_jitter(stub, hook, fake_time):
    stub.reply(*[Reply(503)] * 7, LIST)
    hook.list_users(ORG)
    assert fake_time.slept == [0.375, 0.75, 1.5, 3.0, 6.0, 6.0, 6.0]


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (formatdate(1_800_000_009, usegmt=True), 9.0),
        (formatdate(1_700_000_000, usegmt=True), 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("1e3", 0.0),
        ("²", 0.0),
        ("", 0.0),
        ("9" * 400, 0.0),
    ],
)
def test_retry_after_is_honoured_in_both_forms_and_ignored_if_malformed(stub, hook, fake_time, header, asked):
    stub.reply(Reply(429, headers={"Retry-After": header.encode().decode("latin-1")}), LIST)
    hook.list_users(ORG)
    assert fake_time.slept == [asked + BACKOFF]


def test_retry_after_beyond_retry_for_is_an_error_at_once(stub, hook, fake_time):
    stub.reply(Reply(429, headers={"Retry-After": "3600"}))
    with pytest.raises(PolytomicRateLimitedError) as caught:
        hook.list_users(ORG)
    assert caught.value.retry_after == 3600
    assert fake_time.slept == []
    assert len(stub.requests) == 1


@pytest.mark.parametrize("retry_for", [0.5, 5, 600])
def test_attempts_and_waits_together_stay_within_retry_for(stub, define, fake_time, retry_for):
    define(host=stub.base_url)
    stub.reply(Reply(503))
    began = fake_time.seconds
    with pytest.raises((PolytomicUnavailableError, PolytomicConnectionError)):  # the latter on a slow machine
        PolytomicHook(retry_for=retry_for, clock=fake_time.clock).get_identity()
    assert fake_time.seconds - began <= max(0, retry_for - 1)


def test_an_attempt_gets_the_time_that_is_left_and_at_least_a_second():
    time = FakeTime()
    given: list[float] = []

    def attempt(left: float) -> None:
        given.append(left)
        time.seconds += 4.0
        raise PolytomicConnectionError("lost")

    with pytest.raises(PolytomicConnectionError):
        RetryPolicy(10.0, clock=time.clock).call(attempt, should_retry_idempotent)
    assert given == [10.0, 5.625]
    given.clear()
    with pytest.raises(PolytomicConnectionError):
        RetryPolicy(0.1, clock=time.clock).call(attempt, should_retry_idempotent)
    assert given == [1.0]


@pytest.mark.parametrize(("repeat", "stopping"), [(never_retry, False), (should_retry_idempotent, True)])
def test_a_call_that_must_not_be_retried_is_attempted_once(fake_time, repeat, stopping):
    attempts: list[float] = []

    def attempt(left: float) -> None:
        attempts.append(left)
        raise PolytomicConnectionError("lost")

    with pytest.raises(PolytomicConnectionError):
        RetryPolicy(60.0, stopping=lambda: stopping, clock=fake_time.clock).call(attempt, repeat)
    assert (len(attempts), fake_time.slept) == (1, [])


def test_a_server_that_does_not_respond_is_a_timeout(define):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        define(host=f"http://127.0.0.1:{silent.getsockname()[1]}", extra={"timeout": 0.1})
        with pytest.raises(PolytomicConnectionError) as caught:
            PolytomicHook(retry_for=0.1, clock=Clock()).get_identity()
    assert caught.value.reason == "timeout"


def test_a_response_that_is_too_slow_is_a_timeout(stub, define):
    define(host=stub.base_url)
    stub.reply(Reply(body=" " * 100_000))
    moments = itertools.count(0.0, 20.0)
    with pytest.raises(PolytomicConnectionError) as caught:
        PolytomicHook(retry_for=1, clock=Clock(monotonic=lambda: next(moments))).get_identity()
    assert caught.value.reason == "timeout"


def test_each_retry_is_logged_once_with_its_reason(stub, hook, caplog, capsys):
    stub.reply(Reply(503), LIST)
    with caplog.at_level("INFO"):
        hook.list_users(ORG)
    output = caplog.text or capsys.readouterr().out  # 2.11 logs with logging, 3.x prints
    assert output.count("Retrying in 0.4 s") == 1
    assert "answered 503" in output


@pytest.mark.parametrize(
    ("replies", "reported"),
    [
        ([Reply(429, headers={"Retry-After": "7"}), Reply(429), LIST], [7.0, 0.0]),
        ([Reply(503, headers={"Retry-After": "7"}), LIST], []),
        ([Reply(429, headers={"Retry-After": "3600"}), Reply(403)], [3600.0]),
    ],
)
def test_each_429_is_reported_with_its_retry_after(stub, define, fake_time, replies, reported):
    define(host=stub.base_url)
    seconds: list[float] = []
    stub.reply(*replies)
    with suppress(PolytomicRateLimitedError):
        PolytomicHook(on_rate_limited=seconds.append, clock=fake_time.clock).list_users(ORG)
    assert seconds == reported


def test_a_waiting_call_is_not_retried_once_the_task_is_stopping(stub, define, fake_time):
    define(host=stub.base_url)
    ends: list[float] = []
    clock = Clock(monotonic=lambda: fake_time.seconds, sleep=ends.append, jitter=lambda: 0.5)
    stub.reply(Reply(503), LIST)
    with pytest.raises(PolytomicUnavailableError):
        PolytomicHook(stopping=lambda: bool(ends), clock=clock).list_users(ORG)
    assert (len(stub.requests), len(ends)) == (1, 1)
