"""Who is told of a 429, and what becomes of a wait once the task is to end?"""

from __future__ import annotations

import json

import pytest

from airflow_provider_polytomic.exceptions import PolytomicRateLimitedError, PolytomicUnavailableError
from airflow_provider_polytomic.hooks._retry import Timing
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import ORG, Reply

LIST = Reply(body=json.dumps({"data": []}))


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        ([Reply(429, headers={"Retry-After": "7"}), Reply(429), LIST], [7.0, 0.0]),
        ([Reply(503, headers={"Retry-After": "7"}), LIST], []),
        ([LIST], []),
    ],
)
def test_each_429_is_told_of_with_what_it_asks_for(stub, define, fake_time, replies, told):
    define(host=stub.base_url)
    heard: list[float] = []
    stub.reply(*replies)
    PolytomicHook(on_rate_limited=heard.append, _timing=fake_time.timing).list_users(ORG)
    assert heard == told


def test_a_429_that_is_not_repeated_is_told_of_too(stub, define, fake_time):
    define(host=stub.base_url)
    heard: list[float] = []
    stub.reply(Reply(429, headers={"Retry-After": "3600"}))
    with pytest.raises(PolytomicRateLimitedError):
        PolytomicHook(on_rate_limited=heard.append, _timing=fake_time.timing).list_users(ORG)
    assert heard == [3600.0]


def test_what_waits_to_be_repeated_when_the_task_is_to_end_is_not_repeated(stub, define, fake_time):
    define(host=stub.base_url)
    ends: list[float] = []
    timing = Timing(clock=lambda: fake_time.seconds, sleep=ends.append, jitter=lambda: 0.5)
    stub.reply(Reply(503), LIST)
    with pytest.raises(PolytomicUnavailableError):
        PolytomicHook(stopping=lambda: bool(ends), _timing=timing).list_users(ORG)
    assert len(stub.requests) == 1
