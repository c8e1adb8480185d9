"""What is sent again, under which idempotency key, and when is one given up? The POST and its answers, as a table."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConfigurationError,
    PolytomicConflictError,
    PolytomicForbiddenError,
    PolytomicMissingValueError,
    PolytomicNoAnswerError,
    PolytomicNotFoundError,
    PolytomicRateLimitedError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicStoppedError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
    PolytomicUnreadableAnswerError,
)
from airflow_provider_polytomic.issuing import Ensure
from tests.reasons import raises
from tests.runs import renew

from .bench import MONDAY, After, Bench

ENSURE, RENEW = Ensure(), renew(MONDAY)
MODES = pytest.mark.parametrize("mode", [ENSURE, RENEW], ids=["ensure", "renew"])

REFUSALS = pytest.mark.parametrize(
    ("kind", "status"),
    [
        (PolytomicUnauthorizedError, 401),
        (PolytomicForbiddenError, 403),
        (PolytomicNotFoundError, 404),
        (PolytomicRejectedError, 422),
    ],
)


def recorded(words: str = "internal") -> PolytomicServerError:
    return PolytomicServerError(words, status=500, key="internal", server_message=words)


@MODES
@REFUSALS
def test_a_refusal_that_nobody_can_have_caused_earlier_is_final(bench: Bench, mode, kind, status):
    bench.vendor.order("create_api_key", kind("they say no", status=status, own_words=True))
    with raises(IssuanceRefusedError, "refused_by_polytomic"):
        bench.issue(mode)
    assert bench.vendor.spent == [0]
    assert (bench.store.parsed.state, bench.store.value) == ("failed", None)
    assert bench.issue(mode).issued, "once put right, the next try succeeds"
    assert bench.vendor.minted == 1


@MODES
@REFUSALS
def test_a_refusal_recorded_by_an_earlier_try_is_asked_about_once_more(bench: Bench, mode, kind, status):
    no = kind("they say no", status=status, own_words=True)
    bench.vendor.order("create_api_key", no, no)
    with pytest.raises(IssuanceRefusedError):
        bench.issue(mode)
    assert bench.issue(mode).issued, "put right since, but replayed for 24 hours under the first idempotency key"
    assert bench.vendor.spent == [0, 0, 1]
    assert bench.store.parsed.spent == 2


@MODES
@REFUSALS
def test_refused_under_the_next_idempotency_key_as_well_it_is_final(bench: Bench, mode, kind, status):
    bench.vendor.order("create_api_key", *[kind("they say no", status=status, own_words=True)] * 3)
    for _ in range(2):
        with raises(IssuanceRefusedError, "refused_by_polytomic"):
            bench.issue(mode)
    assert bench.vendor.spent == [0, 0, 1]
    assert bench.store.parsed.state == "failed"


@MODES
@REFUSALS
def test_a_refusal_burns_nothing_while_an_earlier_request_may_still_be_applied(bench: Bench, mode, kind, status):
    bench.record(forced=mode is RENEW)
    no = kind("they say no", status=status, own_words=True)
    bench.vendor.order("create_api_key", no, no, no)
    for _ in range(2):
        with raises(IssuanceIncompleteError, "refusal_not_settled"):
            bench.issue(mode)
        bench.clock.pass_(minutes=7)
    assert (bench.store.parsed.state, bench.store.parsed.spent) == ("open", 0)
    bench.clock.pass_(minutes=2)
    assert bench.issue(mode).issued
    assert bench.vendor.spent == [0, 0, 0, 1]
    assert bench.store.parsed.refused_at is None


@MODES
@REFUSALS
def test_a_refusal_after_a_lost_answer_of_the_same_call_burns_nothing(bench: Bench, mode, kind, status):
    no = kind("they say no", status=status, own_words=True)
    no.earlier_unknown = True
    bench.vendor.order("create_api_key", After(no))
    with raises(IssuanceIncompleteError, "refusal_not_settled"):
        bench.issue(mode)
    assert bench.issue(mode).issued
    assert (bench.vendor.spent, bench.vendor.minted) == ([0, 0], 1)


@MODES
@REFUSALS
@pytest.mark.parametrize("joined", [False, True])
def test_a_proxys_refusal_tells_nothing_and_burns_nothing(bench: Bench, mode, kind, status, joined):
    if joined:
        bench.record(forced=mode is RENEW)
    bench.vendor.order("create_api_key", kind("a page of a proxy", status=status))
    with raises(IssuanceIncompleteError, "proxy_answered"):
        bench.issue(mode)
    assert bench.vendor.spent == [0]
    assert (bench.store.parsed.state, bench.store.parsed.spent) == ("open", 0)


@MODES
@pytest.mark.parametrize(
    "error",
    [
        PolytomicNoAnswerError("the connection was lost"),
        PolytomicUnavailableError("408", status=408),
        PolytomicRateLimitedError("429", status=429),
        PolytomicUnavailableError("503", status=503),
        PolytomicConflictError("409", status=409),
        PolytomicUnreadableAnswerError("a page that is no JSON"),
    ],
    ids=str,
)
@pytest.mark.parametrize("takes_effect", [False, True])
def test_an_open_end_burns_nothing_and_the_next_try_gets_the_same_key(bench: Bench, mode, error, takes_effect):
    bench.vendor.order("create_api_key", After(error) if takes_effect else error)
    with pytest.raises(IssuanceIncompleteError) as incomplete:
        bench.issue(mode)
    assert incomplete.value.__cause__ is error
    assert (bench.store.parsed.state, bench.store.parsed.spent) == ("open", 0)
    assert bench.issue(mode).issued
    assert bench.vendor.spent == [0, 0]
    assert bench.vendor.minted == 1


@pytest.mark.parametrize(("mode", "hint"), [(ENSURE, True), (RENEW, False)])
def test_a_conflict_is_given_in_the_servers_words_with_what_it_may_mean(bench: Bench, mode, hint):
    words = 'saying "the user has a key"'
    bench.vendor.order("create_api_key", PolytomicConflictError(words, status=409))
    with pytest.raises(IssuanceIncompleteError) as incomplete:
        bench.issue(mode)
    assert words in str(incomplete.value)
    assert ("Without force this may mean that the user has a key already" in str(incomplete.value)) is hint


def test_a_500_that_is_repeated_word_for_word_is_settled_and_forced_burnt(bench: Bench):
    bench.vendor.order("create_api_key", recorded(), recorded())
    assert bench.issue(RENEW).issued
    assert bench.vendor.spent == [0, 0, 1]
    assert bench.clock.slept == [pytest.approx(0.75)], "a pause between the two"


def test_a_settled_500_is_not_followed_by_another_unforced_post(bench: Bench):
    bench.vendor.order("create_api_key", recorded(), recorded())
    with raises(IssuanceIncompleteError, "recorded_error"):
        bench.issue(ENSURE)
    assert bench.vendor.spent == [0, 0]
    assert (bench.store.parsed.state, bench.store.parsed.spent) == ("failed", 1)
    assert bench.issue(ENSURE).issued
    assert bench.vendor.spent == [0, 0, 1]


@MODES
@pytest.mark.parametrize(
    "second",
    [
        recorded("something else"),
        PolytomicNotFoundError("404", status=404, own_words=True),
        PolytomicNoAnswerError("lost"),
        PolytomicConflictError("409", status=409),
    ],
    ids=str,
)
def test_a_500_followed_by_anything_else_is_not_settled(bench: Bench, mode, second):
    bench.vendor.order("create_api_key", recorded(), second)
    with pytest.raises(IssuanceIncompleteError):
        bench.issue(mode)
    assert bench.vendor.spent == [0, 0]
    assert (bench.store.parsed.state, bench.store.parsed.spent) == ("open", 0)


@MODES
def test_a_500_followed_by_a_key_was_a_passing_one(bench: Bench, mode):
    bench.vendor.order("create_api_key", recorded())
    assert bench.issue(mode).issued
    assert bench.vendor.spent == [0, 0]


def test_two_idempotency_keys_are_burnt_at_most(bench: Bench):
    bench.vendor.order("create_api_key", *[recorded()] * 6)
    with raises(IssuanceIncompleteError, "no_usable_key"):
        bench.issue(RENEW)
    assert bench.vendor.spent == [0, 0, 1, 1, 2, 2]
    assert (bench.store.parsed.state, bench.store.parsed.spent) == ("open", 2)


def test_keys_that_are_dead_when_they_come_are_asked_for_three_times_at_most(bench: Bench):
    bench.vendor.order("get_identity", *[PolytomicUnauthorizedError("unknown", status=401, own_words=True)] * 9)
    with raises(IssuanceIncompleteError, "no_usable_key"):
        bench.issue(RENEW)
    assert bench.vendor.spent == [0, 1, 2]
    assert bench.store.value is None


def test_an_unforced_key_that_is_dead_when_it_comes_ends_the_try(bench: Bench):
    bench.vendor.order("get_identity", *[PolytomicUnauthorizedError("unknown", status=401, own_words=True)] * 3)
    with raises(IssuanceIncompleteError, "key_does_not_answer"):
        bench.issue(ENSURE)
    assert bench.vendor.spent == [0]
    assert (bench.store.parsed.state, bench.store.parsed.spent, bench.store.value) == ("failed", 1, None)
    assert bench.issue(ENSURE).issued
    assert bench.vendor.spent == [0, 1]


@MODES
def test_a_key_that_is_not_known_at_once_is_asked_about_again(bench: Bench, mode):
    bench.vendor.order("get_identity", *[PolytomicUnauthorizedError("unknown", status=401, own_words=True)] * 2)
    assert bench.issue(mode).issued
    assert bench.vendor.spent == [0]


def test_a_success_without_a_value_counts_as_a_dead_key(bench: Bench):
    bench.vendor.order("create_api_key", After(PolytomicMissingValueError("no value")))
    reference = bench.issue(RENEW)
    assert bench.vendor.spent == [0, 1]
    assert bench.store.value == "minted-key-2"
    assert reference.issued


def test_the_destination_is_looked_at_five_times_in_one_try(bench: Bench):
    def somebody_else_opens() -> None:
        bench.record(issuance_id=f"6d1c2f0a-0d0c-5f0e-9a52-{len(bench.calls):012}")
        bench.vendor.live.clear()

    bench.vendor.order("get_identity", *[somebody_else_opens] * 9)
    with raises(IssuanceIncompleteError, "destination_keeps_changing"):
        bench.issue(RENEW)
    assert bench.calls.count("read") == 5
    assert len(bench.vendor.posts) == 3


@MODES
def test_once_asked_to_stop_no_post_is_sent(bench: Bench, mode):
    with raises(PolytomicStoppedError, "stopped"):
        bench.issue(mode, stopping=lambda: True)
    assert bench.vendor.posts == []
    assert bench.store.parsed.state == "open"
    assert bench.issue(mode).issued


@pytest.mark.parametrize(("errors", "posts"), [([recorded()], 1), ([recorded(), recorded()], 2)])
def test_once_asked_to_stop_no_further_post_is_sent(bench: Bench, errors, posts):
    bench.vendor.order("create_api_key", *errors)
    with raises(IssuanceIncompleteError, "stopped"):
        bench.issue(RENEW, stopping=lambda: len(bench.vendor.posts) == posts)
    assert len(bench.vendor.posts) == posts
    assert bench.store.parsed.state == "open"


def test_asked_to_stop_after_the_post_the_key_is_stored_all_the_same(bench: Bench):
    assert bench.issue(RENEW, stopping=lambda: bool(bench.vendor.posts)).issued
    assert bench.store.value == "minted-key-1"


def test_a_key_is_hidden_before_anything_else_is_done_with_it(bench: Bench):
    bench.issue(RENEW)
    after = bench.calls[bench.calls.index("create_api_key") :]
    assert after[:3] == ["create_api_key", "hide", "get_identity"]
    assert bench.hidden == ["minted-key-1"]


def test_a_connection_that_cannot_be_meant_is_said_as_it_is(bench: Bench):
    bench.vendor.order("create_api_key", PolytomicConfigurationError("the certificate is not trusted"))
    with pytest.raises(PolytomicConfigurationError):
        bench.issue(RENEW)
    assert bench.store.parsed.state == "open"
