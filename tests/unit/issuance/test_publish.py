"""Publication of a new key: verify, promote, confirm, close."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConnectionError,
    PolytomicForbiddenError,
    PolytomicUnauthorizedError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)
from tests.reasons import raises
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, OTHER, TARGET, After, Harness, fingerprint

ENSURE, ROTATE = Ensure(), renew(MONDAY)
MODES = pytest.mark.parametrize("mode", [ENSURE, ROTATE], ids=["ensure", "renew"])
DEAD = PolytomicUnauthorizedError("the key is unknown", status=401, is_from_polytomic=True)
LOST = PolytomicConnectionError("the connection was lost")


@MODES
def test_a_new_key_of_another_user_is_never_stored(harness: Harness, mode):
    harness.polytomic.order("get_identity", lambda: harness.polytomic.live.update({"minted-key-1": OTHER}))
    with raises(IssuanceRefusedError, "issued_key_of_another_user"):
        harness.issue(mode)
    assert harness.store.value is None
    assert harness.store.parsed.state == "open"


@MODES
def test_an_unverified_key_replaces_what_was_there_and_is_proven_afterwards(harness: Harness, mode):
    harness.hold("old-key", owner=None)
    harness.polytomic.order("get_identity", *([DEAD] if mode is ENSURE else []), LOST)
    assert harness.issue(mode).issued
    assert harness.store.value == "minted-key-1"
    assert harness.polytomic.asked_about[-1] == "minted-key-1"


@MODES
def test_a_proxys_403_is_no_response_and_polytomics_own_means_revoked(harness: Harness, mode):
    harness.polytomic.order("get_identity", PolytomicForbiddenError("a page of a proxy", status=403))
    assert harness.issue(mode).fingerprint == fingerprint("minted-key-1")
    assert len(harness.polytomic.asked_about) == 2, "the new key is not asked about again before it is stored"
    another = Harness()
    another.polytomic.order(
        "get_identity", *[PolytomicForbiddenError("no such key", status=403, is_from_polytomic=True)] * 3
    )
    if mode is ENSURE:
        with raises(IssuanceIncompleteError, "key_does_not_answer"):
            another.issue(mode)
    else:
        assert another.issue(mode).fingerprint == fingerprint("minted-key-2")


@MODES
def test_nothing_is_a_success_that_has_not_answered_after_it_was_stored(harness: Harness, mode):
    harness.polytomic.order("get_identity", LOST, LOST)
    with raises(IssuanceIncompleteError, "key_state_unknown") as caught:
        harness.issue(mode)
    assert "a retry continues from there" in str(caught.value)
    assert (harness.store.value, harness.store.parsed.state) == ("minted-key-1", "open")
    harness.issue(mode)
    assert (harness.polytomic.minted, harness.store.parsed.state) == (1, "done")


@MODES
def test_an_unverified_key_never_replaces_what_came_there_meanwhile(harness: Harness, mode):
    harness.polytomic.order("get_identity", LOST, LOST)
    harness.store.order("write", lambda: harness.store.put("put-by-another-user"))
    with raises(IssuanceIncompleteError, "new_key_unverified"):
        harness.issue(mode)
    assert harness.store.value == "put-by-another-user"


def test_a_working_key_that_came_there_meanwhile_is_kept(harness: Harness):
    harness.store.order("write", lambda: harness.hold("of-another-issuer", issued_at=None))
    reference = harness.issue(ENSURE)
    assert harness.store.value == "of-another-issuer"
    assert (reference.issued, reference.fingerprint) == (False, fingerprint("of-another-issuer"))
    assert harness.store.parsed.fingerprint == fingerprint("of-another-issuer")


@MODES
def test_a_revoked_key_that_was_stored_meanwhile_is_replaced(harness: Harness, mode):
    harness.store.order("write", lambda: harness.hold("revoked-already", owner=None, issued_at=None))
    assert harness.issue(mode).issued
    assert harness.store.value == "minted-key-1"


@MODES
@pytest.mark.parametrize("take_over", [False, True])
def test_something_foreign_that_came_there_meanwhile_stays(harness: Harness, mode, take_over):
    harness.store.order("write", lambda: harness.store.put(None, is_foreign=True))
    with raises(IssuanceRefusedError, "foreign_value"):
        harness.issue(mode, take_over=take_over)
    assert harness.store.is_foreign


@MODES
@pytest.mark.parametrize("take_over", [False, True])
def test_another_users_working_key_that_was_stored_meanwhile_stays(harness: Harness, mode, take_over):
    harness.store.order("write", lambda: harness.hold("of-another-user", owner=OTHER, issued_at=None))
    with raises(IssuanceRefusedError, "key_of_another_user"):
        harness.issue(mode, take_over=take_over)
    assert harness.store.value == "of-another-user"
    assert harness.store.parsed.state == "open"


@MODES
@pytest.mark.parametrize("acted", [False, True])
def test_a_store_that_did_not_answer_is_read_again(harness: Harness, mode, acted):
    error = SecretStoreUnavailableError("away")
    harness.store.order("write", After(error) if acted else error)
    assert harness.issue(mode).issued
    assert harness.calls.count("write") == (1 if acted else 2)
    assert harness.store.value == "minted-key-1"


def test_a_store_that_never_answers_ends_the_try_after_bounded_waits(harness: Harness):
    harness.store.order("write", *[SecretStoreUnavailableError("away")] * 5)
    with raises(IssuanceIncompleteError, "store_failed"):
        harness.issue(ROTATE)
    assert harness.store.parsed.state == "open"
    assert sum(harness.time.slept) < 8
    harness.issue(ROTATE)
    assert (harness.polytomic.minted, harness.store.value) == (1, "minted-key-1")


def test_a_stale_read_back_is_waited_for(harness: Harness):
    harness.hold("old-key")
    harness.store.readers_get.extend(["old-key", "old-key"])
    assert harness.issue(ROTATE).issued
    assert harness.time.slept == [pytest.approx(0.1875), pytest.approx(0.375)]


def test_a_read_back_that_stays_stale_fails_so_that_airflow_retries(harness: Harness):
    harness.hold("old-key")
    harness.store.readers_get.extend(["old-key"] * 5)
    with raises(IssuanceIncompleteError, "readers_behind"):
        harness.issue(ROTATE)
    assert harness.store.parsed.state == "open"
    assert harness.issue(ROTATE).issued
    assert harness.polytomic.minted == 1


@MODES
def test_what_shadows_the_destination_is_named_and_the_key_is_not_lost(harness: Harness, mode):
    harness.store.readers_get.extend(["of-the-environment"] * 5)
    harness.store.order("check_write", None, SecretStoreDeniedError("AIRFLOW_CONN_ACME answers first."))
    with raises(IssuanceRefusedError, "shadowed"):
        harness.issue(mode)
    assert "of-the-environment" not in harness.polytomic.asked_about
    harness.issue(mode)
    assert (harness.polytomic.minted, harness.store.value) == (1, "minted-key-1")


def test_a_working_key_that_replaced_ours_after_the_promotion_is_the_result(harness: Harness):
    harness.store.order("read_back", lambda: harness.hold("of-another-issuer", issued_at=None))
    reference = harness.issue(ROTATE)
    assert (reference.issued, reference.fingerprint) == (False, fingerprint("of-another-issuer"))
    assert reference.version is None


def test_a_key_lost_after_the_promotion_is_issued_again(harness: Harness):
    harness.store.order("read_back", lambda: harness.store.put("revoked-already"))
    assert harness.issue(ROTATE).issued
    assert harness.polytomic.live == {harness.store.value: TARGET}


@pytest.mark.parametrize("before", ["due", None], ids=["restored", "removed"])
def test_a_store_that_says_what_was_there_before_is_behind_and_no_other_key_is_issued(harness: Harness, before):
    if before:
        harness.hold(before, issued_at=harness.time.now - timedelta(days=9))
    harness.store.order("read_back", lambda: harness.store.put(before))
    with raises(IssuanceIncompleteError, "readers_behind"):
        harness.issue(ROTATE)
    assert harness.polytomic.minted == 1
    assert harness.issue(ROTATE).issued
    assert harness.polytomic.minted == 1, "the next try gets the very key"
    assert harness.polytomic.live == {harness.store.value: TARGET}


@pytest.mark.parametrize(
    ("mode", "earlier", "outage"),
    [
        (ENSURE, None, None),
        (ROTATE, None, 4.0),
        (ROTATE, timedelta(hours=2), 7205.0),
        (ROTATE, timedelta(0), 5.0),
    ],
    ids=["ensure", "renew", "joined", "joined at once"],
)
def test_the_reference_says_everything_about_the_key_but_the_key(harness: Harness, mode, earlier, outage):
    """POST, verification, write, read-back and proof take a second each."""
    if earlier is not None:
        harness.record(opened_at=harness.time.now - earlier)

    def a_second() -> None:
        harness.time.pass_(seconds=1)

    for call in ("create_api_key", "read_back"):
        harness.polytomic.order(call, a_second)
        harness.store.order(call, a_second)
    harness.polytomic.order("get_identity", a_second, a_second)
    harness.store.order("write", a_second)
    reference = harness.issue(mode)
    assert reference.outage_seconds == outage
    assert reference.seconds == {"mint": 1.0, "verify": 1.0, "promote": 1.0, "read back": 1.0, "confirm": 1.0}
    assert reference.target == TARGET
    assert reference.issued is True
    assert reference.issuance_id == harness.store.parsed.issuance_id
    assert reference.fingerprint == harness.store.parsed.fingerprint == fingerprint("minted-key-1")
    assert reference.issued_at == harness.store.parsed.issued_at
    assert reference.version == str(harness.store.version)
    json = reference.to_json("airflow://connection/acme", server="https://app.polytomic.com")
    assert reference.details().get("outage_seconds") == outage
    assert "minted-key-1" not in repr(reference) + str(json) + str(reference.details())


def test_the_reference_of_a_kept_key_is_that_of_its_issuance_without_an_outage(harness: Harness):
    first = harness.issue(ROTATE)
    kept = harness.issue(ROTATE)
    for name in ("issuance_id", "fingerprint", "issued_at", "version"):
        assert getattr(kept, name) == getattr(first, name)
    assert (kept.issued, kept.outage_seconds) == (False, None)
