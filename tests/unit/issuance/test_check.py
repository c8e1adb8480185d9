"""A check reports what an issuance would do, and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicNotFoundError,
)
from airflow_provider_polytomic.models import Identity
from tests.reasons import raises
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, OTHER, OWN, TARGET, Harness

ENSURE, ROTATE = Ensure(), renew(MONDAY)
WRITES = {"write", "write_record", "create_api_key", "hide"}


OF_OTHER: dict[str, Any] = {"owner": OTHER, "recorded": OTHER}
PROMOTED: dict[str, Any] = {"target": OTHER, "previous_fingerprint": "what-was-before"}
# What is there: calls of the harness's methods, in their order.
SITUATIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "nothing": [],
    "a key that is due": [("hold", {})],
    "a key of this run": [("hold", {"issued_at": MONDAY})],
    "a revoked key": [("hold", {"owner": None})],
    "an open record": [("record", {})],
    "an open unforced record": [("record", {"forced": False})],
    "a key that is not closed": [("record", {"forced": False}), ("hold", {"issued_at": None})],
    "a foreign value": [("hold", {"owner": None, "issued_at": None, "is_foreign": True})],
    "a value by hand": [("hold", {"issued_at": None})],
    "a key of another": [("hold", {"owner": OTHER}), ("record", {"target": OTHER})],
    "the caller's own": [("hold", {"key": OWN})],
    "a key of the standby user": [("hold", OF_OTHER)],
    "a promoted key": [("hold", {"owner": OTHER}), ("record", PROMOTED)],
    "a key promoted long ago": [
        ("hold", {"owner": OTHER}), ("record", PROMOTED | {"opened_at": MONDAY - timedelta(days=8)}),
    ],
    "an open record of the standby user": [("hold", {}), ("record", {"target": OTHER})],
}  # fmt: skip


def in_situation(name: str) -> Harness:
    harness = Harness()
    for method, given in SITUATIONS[name]:
        getattr(harness, method)(**given)
    return harness


@pytest.mark.parametrize("standby", [None, OTHER], ids=["single", "standby"])
@pytest.mark.parametrize("take_over", [False, True])
@pytest.mark.parametrize("mode", [ENSURE, ROTATE, renew(MONDAY, timedelta(days=30))], ids=["ensure", "renew", "by age"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_check_foretells_what_issuing_does_and_changes_nothing(situation, mode, take_over, standby):
    checked, issued = in_situation(situation), in_situation(situation)
    before, live = checked.store.snapshot(), dict(checked.polytomic.live)
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
    assert (checked.store.snapshot(), checked.polytomic.live, checked.hidden) == (before, live, [])
    assert not WRITES & set(checked.calls)
    assert checked.time.slept == []


@pytest.mark.parametrize(
    ("situation", "mode", "says"),
    [
        ("nothing", ENSURE, "A key would be issued for"),
        ("nothing", ROTATE, "all earlier keys of the user would be revoked first"),
        ("an open record", ROTATE, "The open issuance would be resumed for"),
        ("a key of this run", ROTATE, "holds a working key"),
    ],
)
def test_a_check_says_why_and_who_asks(situation, mode, says):
    harness = in_situation(situation)
    prospect = harness.check(mode)
    assert says in prospect.reason
    assert str(TARGET) in prospect.reason
    assert harness.store.place in prospect.reason
    assert prospect.caller.is_partner


@pytest.mark.parametrize(
    "caller", [Identity(is_user=True), Identity(is_organization=True)], ids=["user", "organization"]
)
def test_a_check_says_so_when_the_caller_cannot_issue(harness: Harness, caller):
    harness.polytomic.caller = caller
    with raises(IssuanceRefusedError, "no_partner_key"):
        harness.check()
    assert not WRITES & set(harness.calls)


def test_a_check_finds_that_there_is_no_such_user(harness: Harness):
    error = PolytomicNotFoundError("there is no such user", status=404, is_from_polytomic=True)
    harness.polytomic.order("get_user", error)
    with pytest.raises(PolytomicNotFoundError) as raised:
        harness.check()
    assert raised.value is error


@pytest.mark.parametrize(
    ("situation", "says"),
    [
        ("a key that is due", f"A key would be issued for {OTHER}"),
        ("a key of the standby user", f"A key would be issued for {TARGET}"),
        ("an open record of the standby user", f"The open issuance would be resumed for {OTHER}"),
        ("a promoted key", f"holds a working key of {OTHER}, which would be kept"),
        ("a key promoted long ago", f"A key would be issued for {TARGET}"),
    ],
)
def test_a_check_says_whose_turn_it_is(situation, says):
    assert says in in_situation(situation).check(standby=OTHER).reason


def test_a_check_asks_for_both_users(harness: Harness):
    harness.polytomic.order(
        "get_user", None, PolytomicNotFoundError("there is no such user", status=404, is_from_polytomic=True)
    )
    with pytest.raises(PolytomicNotFoundError):
        harness.check(standby=OTHER)
