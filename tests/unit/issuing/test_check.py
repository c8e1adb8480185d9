"""What does a check do? It says what issuing would, and changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicNotFoundError,
)
from airflow_provider_polytomic.issuing import Ensure
from airflow_provider_polytomic.models import Identity
from tests.reasons import raises
from tests.runs import renew

from .bench import MONDAY, OTHER, OWN, TARGET, Bench

ENSURE, RENEW = Ensure(), renew(MONDAY)
WRITES = {"write", "write_record", "create_api_key", "hide"}


def nothing(bench: Bench) -> None:
    pass


def a_key_that_is_due(bench: Bench) -> None:
    bench.hold()


def a_key_of_this_run(bench: Bench) -> None:
    bench.hold(issued_at=MONDAY)


def a_dead_key(bench: Bench) -> None:
    bench.hold(owner=None)


def an_open_record(bench: Bench) -> None:
    bench.record()


def an_open_unforced_record(bench: Bench) -> None:
    bench.record(forced=False)


def a_key_that_is_not_closed(bench: Bench) -> None:
    bench.record(forced=False)
    bench.hold(issued_at=None)


def a_foreign_value(bench: Bench) -> None:
    bench.store.put(None, foreign=True)


def a_value_by_hand(bench: Bench) -> None:
    bench.hold(issued_at=None)


def a_key_of_another(bench: Bench) -> None:
    bench.hold(owner=OTHER)
    bench.record(target=OTHER)


def the_callers_own(bench: Bench) -> None:
    bench.hold(OWN)


def a_key_of_the_standby_user(bench: Bench):
    bench.hold(owner=OTHER, recorded=OTHER)


def a_promoted_key(bench: Bench):
    bench.hold(owner=OTHER)
    bench.record(target=OTHER, before="what-was-before")


def a_key_promoted_long_ago(bench: Bench):
    bench.hold(owner=OTHER)
    bench.record(target=OTHER, before="what-was-before", opened_at=MONDAY - timedelta(days=8))


def an_open_record_of_the_standby_user(bench: Bench):
    bench.hold()
    bench.record(target=OTHER)


SITUATIONS = [
    nothing, a_key_that_is_due, a_key_of_this_run, a_dead_key, an_open_record, an_open_unforced_record,
    a_key_that_is_not_closed, a_foreign_value, a_value_by_hand, a_key_of_another, the_callers_own,
    a_key_of_the_standby_user, a_promoted_key, a_key_promoted_long_ago, an_open_record_of_the_standby_user,
]  # fmt: skip


@pytest.mark.parametrize("standby", [None, OTHER], ids=["single", "standby"])
@pytest.mark.parametrize("take_over", [False, True])
@pytest.mark.parametrize("mode", [ENSURE, RENEW, renew(MONDAY, timedelta(days=30))], ids=["ensure", "renew", "by age"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_check_foretells_what_issuing_does_and_changes_nothing(situation, mode, take_over, standby):
    checked, issued = Bench(), Bench()
    situation(checked)
    situation(issued)
    before, live = checked.store.snapshot(), dict(checked.vendor.live)
    foretold: object
    happened: object
    try:
        foretold = checked.check(mode, take_over=take_over, standby=standby).would_issue
    except (IssuanceRefusedError, IssuanceIncompleteError) as error:
        foretold = (type(error), str(error))
    try:
        happened = issued.issue(mode, take_over=take_over, standby=standby).issued
    except (IssuanceRefusedError, IssuanceIncompleteError) as error:
        happened = (type(error), str(error))
    assert foretold == happened
    assert (checked.store.snapshot(), checked.vendor.live, checked.hidden) == (before, live, [])
    assert not WRITES & set(checked.calls)
    assert checked.clock.slept == []


@pytest.mark.parametrize(
    ("situation", "mode", "says"),
    [
        (nothing, ENSURE, "A key would be issued for"),
        (nothing, RENEW, "all earlier keys of the user would be revoked first"),
        (an_open_record, RENEW, "The open issuance would be resumed for"),
        (a_key_of_this_run, RENEW, "holds a working key"),
    ],
)
def test_a_check_says_why_and_who_asks(bench: Bench, situation, mode, says):
    situation(bench)
    prospect = bench.check(mode)
    assert says in prospect.reason
    assert str(TARGET) in prospect.reason
    assert bench.store.place in prospect.reason
    assert prospect.caller.is_partner


@pytest.mark.parametrize(
    "caller", [Identity(is_user=True), Identity(is_organization=True)], ids=["user", "organization"]
)
def test_a_check_says_so_when_the_caller_cannot_issue(bench: Bench, caller):
    bench.vendor.caller = caller
    with raises(IssuanceRefusedError, "no_partner_key"):
        bench.check()
    assert not WRITES & set(bench.calls)


def test_a_check_finds_that_there_is_no_such_user(bench: Bench):
    error = PolytomicNotFoundError("there is no such user", status=404, own_words=True)
    bench.vendor.order("get_user", error)
    with pytest.raises(PolytomicNotFoundError) as raised:
        bench.check()
    assert raised.value is error


@pytest.mark.parametrize(
    ("situation", "says"),
    [
        (a_key_that_is_due, f"A key would be issued for {OTHER}"),
        (a_key_of_the_standby_user, f"A key would be issued for {TARGET}"),
        (an_open_record_of_the_standby_user, f"The open issuance would be resumed for {OTHER}"),
        (a_promoted_key, f"holds a working key of {OTHER}, which would be kept"),
        (a_key_promoted_long_ago, f"A key would be issued for {TARGET}"),
    ],
)
def test_a_check_says_whose_turn_it_is(bench: Bench, situation, says):
    situation(bench)
    assert says in bench.check(standby=OTHER).reason


def test_a_check_asks_for_both_users(bench: Bench):
    bench.vendor.order("get_user", None, PolytomicNotFoundError("there is no such user", status=404, own_words=True))
    with pytest.raises(PolytomicNotFoundError):
        bench.check(standby=OTHER)
