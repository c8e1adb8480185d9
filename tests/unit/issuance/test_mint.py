"""The POST and its answers, as a table: what is repeated, under which idempotency key, and when one is abandoned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicApiError,
    PolytomicConfigurationError,
    PolytomicConflictError,
    PolytomicConnectionError,
    PolytomicForbiddenError,
    PolytomicInvalidResponseError,
    PolytomicMissingKeyError,
    PolytomicNotFoundError,
    PolytomicRateLimitedError,
    PolytomicRejectedError,
    PolytomicServerError,
    PolytomicTaskStoppedError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
)
from tests.reasons import raises
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, After, Harness

if TYPE_CHECKING:
    from collections.abc import Iterator

ENSURE, ROTATE = Ensure(), renew(MONDAY)
MODES = pytest.mark.parametrize("mode", [ENSURE, ROTATE], ids=["ensure", "renew"])

REFUSALS: list[tuple[type[PolytomicApiError], int]] = [
    (PolytomicUnauthorizedError, 401),
    (PolytomicForbiddenError, 403),
    (PolytomicNotFoundError, 404),
    (PolytomicRejectedError, 422),
]
UNKNOWN_KEY = PolytomicUnauthorizedError("unknown", status=401, is_from_polytomic=True)
OPEN_ENDS = [
    (PolytomicConnectionError("the connection was lost"), "outcome_unknown"),
    (PolytomicUnavailableError("408", status=408), "outcome_unknown"),
    (PolytomicRateLimitedError("429", status=429), "outcome_unknown"),
    (PolytomicUnavailableError("503", status=503), "outcome_unknown"),
    (PolytomicConflictError("409", status=409), "conflict"),
    (PolytomicInvalidResponseError("a page that is no JSON"), "outcome_unknown"),
]


def recorded(words: str = "internal") -> PolytomicServerError:
    return PolytomicServerError(words, status=500, key="internal", server_message=words)


class Tries(NamedTuple):
    """Tries of one issuance, one after the other.

    :param ends: for each try, the answers to its POSTs that are none as usual, and how it ends: ``issued``, or why not.
    :param spent: the number of the Idempotency-Key of each POST.
    :param opened: an earlier try has left the record open.
    :param forced: in which mode; None for either.
    :param apart: minutes between the tries.
    """

    ends: list[tuple[list[Any], str]]
    spent: list[int]
    opened: bool = False
    forced: bool | None = None
    apart: float = 0


def settled(no: Exception, unknown: Exception) -> dict[str, Tries]:
    """Return the tries that begin with a refusal.

    :param unknown: the same refusal, after an answer of the same call that was lost.
    """
    final, waits = "refused_by_polytomic", "refusal_not_settled"
    return {
        "refused, then put right": Tries([([no], final), ([], "issued")], [0, 0]),
        # Put right since, but replayed for 24 hours under the first idempotency key.
        "replayed once put right": Tries([([no], final), ([no], "issued")], [0, 0, 1]),
        "refused for good": Tries([([no], final), ([no, no], final)], [0, 0, 1]),
        "an earlier request may still be applied": Tries(
            [([no], waits), ([no], waits), ([no], waits), ([no], "issued")], [0, 0, 0, 0, 1], opened=True, apart=5
        ),
        "an answer of the same call was lost": Tries([([After(unknown)], waits), ([], "issued")], [0, 0]),
    }


def after_500(forced: bool) -> dict[str, Tries]:
    """Return the tries that begin with a 500 in Polytomic's own words: perhaps a recorded one."""
    gone = PolytomicNotFoundError("404", status=404, is_from_polytomic=True)
    found = {
        "another 500": Tries([([recorded(), recorded("something else")], "outcome_unclear")], [0, 0]),
        "a 500 and a refusal": Tries([([recorded(), gone], "outcome_unclear")], [0, 0]),
        "a 500 and no answer": Tries([([recorded(), PolytomicConnectionError("lost")], "outcome_unknown")], [0, 0]),
        "a 500 and a conflict": Tries([([recorded(), PolytomicConflictError("409", status=409)], "conflict")], [0, 0]),
        "a passing 500": Tries([([recorded()], "issued")], [0, 0]),
    }
    if forced:
        found["a recorded 500"] = Tries([([recorded()] * 2, "issued")], [0, 0, 1])
        found["two are given up at most"] = Tries([([recorded()] * 6, "no_usable_key")], [0, 0, 1, 1, 2, 2])
    else:
        # No other unforced POST at once: the user might get a second key.
        found["a recorded 500"] = Tries([([recorded()] * 2, "recorded_error"), ([], "issued")], [0, 0, 1])
    return {name: tries._replace(forced=forced) for name, tries in found.items()}


def all_tries() -> Iterator[tuple[str, Tries]]:
    for kind, status in REFUSALS:
        no = kind("no", status=status, is_from_polytomic=True)
        unknown = kind("no", status=status, is_from_polytomic=True, earlier_outcome_unknown=True)
        yield from ((f"{status}, {name}", tries) for name, tries in settled(no, unknown).items())
        for opened in (False, True):
            page = Tries([([kind("page", status=status)], "proxy_answered"), ([], "issued")], [0, 0], opened)
            yield f"a page of a proxy, {status}, {'joined' if opened else 'opened'}", page
    for error, reason in OPEN_ENDS:
        yield f"{error}", Tries([([error], reason), ([], "issued")], [0, 0])
        yield f"{error}, applied", Tries([([After(error)], reason), ([], "issued")], [0, 0])
    for forced in (False, True):
        yield from after_500(forced).items()


TRIES = [
    pytest.param(mode, tries, id=f"{name}, {'renew' if mode is ROTATE else 'ensure'}")
    for name, tries in all_tries()
    for mode in (ENSURE, ROTATE)
    if tries.forced in {None, mode is ROTATE}
]


@pytest.mark.parametrize(("mode", "tries"), TRIES)
def test_an_idempotency_key_is_given_up_only_once_it_is_settled(harness: Harness, mode, tries):
    if tries.opened:
        harness.record(forced=mode is ROTATE)
    for answers, end in tries.ends:
        harness.polytomic.order("create_api_key", *answers)
        try:
            ended = "issued" if harness.issue(mode).issued else "kept"
        except (IssuanceRefusedError, IssuanceIncompleteError) as error:
            ended = error.reason
            final = isinstance(error, IssuanceRefusedError)
            assert final is (ended == "refused_by_polytomic")
            assert (harness.store.parsed.state, harness.store.value) == (
                ("failed", None) if final or ended == "recorded_error" else ("open", None)
            )
        assert ended == end
        harness.time.pass_(minutes=tries.apart)
    assert harness.polytomic.key_numbers == tries.spent
    if ended == "issued":
        assert (harness.polytomic.minted, harness.store.parsed.idempotency_keys_used) == (1, tries.spent[-1] + 1)
        assert harness.store.parsed.rejected_at is None


@pytest.mark.parametrize(("mode", "hint"), [(ENSURE, True), (ROTATE, False)])
def test_a_conflict_is_given_in_the_servers_words_with_what_it_may_mean(harness: Harness, mode, hint):
    words = 'saying "the user has a key"'
    harness.polytomic.order("create_api_key", PolytomicConflictError(words, status=409))
    with pytest.raises(IssuanceIncompleteError) as incomplete:
        harness.issue(mode)
    assert words in str(incomplete.value)
    assert ("Without force this may mean that the user has a key already" in str(incomplete.value)) is hint


def test_revoked_new_keys_are_requested_three_times_at_most(harness: Harness):
    harness.polytomic.order("get_identity", *[UNKNOWN_KEY] * 9)
    with raises(IssuanceIncompleteError, "no_usable_key"):
        harness.issue(ROTATE)
    assert harness.polytomic.key_numbers == [0, 1, 2]
    assert harness.store.value is None


def test_a_revoked_new_key_without_force_ends_the_try(harness: Harness):
    harness.polytomic.order("get_identity", *[UNKNOWN_KEY] * 3)
    with raises(IssuanceIncompleteError, "key_does_not_answer"):
        harness.issue(ENSURE)
    assert harness.polytomic.key_numbers == [0]
    assert (harness.store.parsed.state, harness.store.parsed.idempotency_keys_used, harness.store.value) == (
        "failed",
        1,
        None,
    )
    assert harness.issue(ENSURE).issued
    assert harness.polytomic.key_numbers == [0, 1]


@MODES
def test_a_key_that_is_not_known_at_once_is_asked_about_again(harness: Harness, mode):
    harness.polytomic.order("get_identity", *[UNKNOWN_KEY] * 2)
    assert harness.issue(mode).issued
    assert harness.polytomic.key_numbers == [0]


def test_a_success_without_a_value_counts_as_a_revoked_key(harness: Harness):
    harness.polytomic.order("create_api_key", After(PolytomicMissingKeyError("no value")))
    reference = harness.issue(ROTATE)
    assert harness.polytomic.key_numbers == [0, 1]
    assert harness.store.value == "minted-key-2"
    assert reference.issued


def test_the_destination_is_read_five_times_in_one_try(harness: Harness):
    def another_issuer_opens() -> None:
        harness.record(issuance_id=f"6d1c2f0a-0d0c-5f0e-9a52-{len(harness.calls):012}")
        harness.polytomic.live.clear()

    harness.polytomic.order("get_identity", *[another_issuer_opens] * 9)
    with raises(IssuanceIncompleteError, "destination_keeps_changing"):
        harness.issue(ROTATE)
    assert harness.calls.count("read") == 5
    assert len(harness.polytomic.posts) == 3


@MODES
def test_once_asked_to_stop_no_post_is_sent(harness: Harness, mode):
    with raises(PolytomicTaskStoppedError, "stopped"):
        harness.issue(mode, stopping=lambda: True)
    assert harness.polytomic.posts == []
    assert harness.store.parsed.state == "open"
    assert harness.issue(mode).issued


@pytest.mark.parametrize(("errors", "posts"), [([recorded()], 1), ([recorded(), recorded()], 2)])
def test_once_asked_to_stop_no_further_post_is_sent(harness: Harness, errors, posts):
    harness.polytomic.order("create_api_key", *errors)
    with raises(IssuanceIncompleteError, "stopped"):
        harness.issue(ROTATE, stopping=lambda: len(harness.polytomic.posts) == posts)
    assert len(harness.polytomic.posts) == posts
    assert harness.store.parsed.state == "open"


def test_asked_to_stop_after_the_post_the_key_is_stored_all_the_same(harness: Harness):
    assert harness.issue(ROTATE, stopping=lambda: bool(harness.polytomic.posts)).issued
    assert harness.store.value == "minted-key-1"


def test_a_key_is_hidden_before_anything_else_is_done_with_it(harness: Harness):
    harness.issue(ROTATE)
    after = harness.calls[harness.calls.index("create_api_key") :]
    assert after[:3] == ["create_api_key", "hide", "get_identity"]
    assert harness.hidden == ["minted-key-1"]


def test_an_invalid_connection_is_reported_as_it_is(harness: Harness):
    harness.polytomic.order("create_api_key", PolytomicConfigurationError("the certificate is not trusted"))
    with pytest.raises(PolytomicConfigurationError):
        harness.issue(ROTATE)
    assert harness.store.parsed.state == "open"
