"""The time by Polytomic's clock, which no worker's own clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConnectionError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import ORG, Reply

NOON = datetime(2031, 1, 6, 12, tzinfo=UTC)
AT_NOON = {"Date": "Mon, 06 Jan 2031 12:00:00 GMT"}
LIST = '{"data": []}'


@pytest.mark.parametrize("workers_clock", [0.0, 4_000_000_000.0])
def test_the_time_is_the_date_of_the_last_response_plus_the_time_since_then(stub, hook, fake_time, workers_clock):
    fake_time.wall = workers_clock
    stub.reply(Reply(body=LIST, headers={"Date": "Sun, 05 Jan 2031 00:00:00 GMT"}), Reply(body=LIST, headers=AT_NOON))
    hook.list_users(ORG)
    hook.list_users(ORG)
    fake_time.sleep(90)
    assert hook.server_time() == NOON + timedelta(seconds=90)
    assert len(stub.requests) == 2, "no request is sent if there was a response"


@pytest.mark.parametrize("status", [200, 401, 403, 404, 429, 500, 503])
def test_without_a_response_so_far_a_request_is_sent_and_any_response_counts(stub, hook, status):
    stub.reply(Reply(status, headers=AT_NOON))
    assert hook.server_time() == NOON
    assert [(request.method, request.path) for request in stub.requests] == [("GET", "/api/me")]


def test_the_request_is_repeated_if_its_response_is_lost(stub, hook):
    stub.reply(Reply(lost=True), Reply(headers=AT_NOON))
    assert hook.server_time() == NOON


def test_without_any_response_there_is_no_time(stub, define, fake_time):
    define(host=stub.base_url)
    stub.reply(Reply(lost=True))
    with pytest.raises(PolytomicConnectionError):
        PolytomicHook(retry_for=2, clock=fake_time.clock).server_time()


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 06 Jan 2031 13:00:00 +0100", NOON),
        ("Mon, 06 Jan 2031 12:00:00 -0000", NOON),
        ("soon", None),
        ("Mon, 99 Jan 2031 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),  # an age added to it would overflow
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        (None, None),
    ],
)
def test_a_response_without_a_readable_date_counts_as_of_the_workers_time(stub, hook, fake_time, date, expected):
    stub.reply(Reply(headers={"Date": date} if date else {}))
    assert hook.server_time() == (expected or datetime.fromtimestamp(fake_time.wall, UTC))


def test_a_response_without_a_date_does_not_replace_an_earlier_date(stub, hook, fake_time):
    stub.reply(Reply(body=LIST, headers=AT_NOON), Reply(body=LIST))
    hook.list_users(ORG)
    fake_time.sleep(90)
    hook.list_users(ORG)
    assert hook.server_time() == NOON + timedelta(seconds=90)
