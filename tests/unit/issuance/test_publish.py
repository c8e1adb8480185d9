"""When does a new key become the one that readers get, and when is that proven? Verify, promote, prove, close."""

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

ENSURE, RENEW = Ensure(), renew(MONDAY)
MODES = pytest.mark.parametrize("mode", [ENSURE, RENEW], ids=["ensure", "renew"])
DEAD = PolytomicUnauthorizedError("the key is unknown", status=401, is_from_polytomic=True)
LOST = PolytomicConnectionError("the connection was lost")


@MODES
def test_a_new_key_that_answers_as_somebody_else_is_never_stored(bench: Harness, mode):
    bench.polytomic.order("get_identity", lambda: bench.polytomic.live.update({"minted-key-1": OTHER}))
    with raises(IssuanceRefusedError, "issued_key_of_another_user"):
        bench.issue(mode)
    assert bench.store.value is None
    assert bench.store.parsed.state == "open"


@MODES
def test_an_unverified_key_replaces_what_was_there_and_is_proven_afterwards(bench: Harness, mode):
    bench.hold("old-key", owner=None)
    bench.polytomic.order("get_identity", *([DEAD] if mode is ENSURE else []), LOST)
    assert bench.issue(mode).issued
    assert bench.store.value == "minted-key-1"
    assert bench.polytomic.asked_about[-1] == "minted-key-1"


@MODES
def test_a_proxys_403_is_no_answer_and_polytomics_own_means_dead(bench: Harness, mode):
    bench.polytomic.order("get_identity", PolytomicForbiddenError("a page of a proxy", status=403))
    assert bench.issue(mode).fingerprint == fingerprint("minted-key-1")
    assert len(bench.polytomic.asked_about) == 2, "the new key is not asked about again before it is stored"
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
def test_nothing_is_a_success_that_has_not_answered_after_it_was_stored(bench: Harness, mode):
    bench.polytomic.order("get_identity", LOST, LOST)
    with raises(IssuanceIncompleteError, "key_state_unknown"):
        bench.issue(mode)
    assert (bench.store.value, bench.store.parsed.state) == ("minted-key-1", "open")
    bench.issue(mode)
    assert (bench.polytomic.minted, bench.store.parsed.state) == (1, "done")


@MODES
def test_an_unverified_key_never_replaces_what_came_there_meanwhile(bench: Harness, mode):
    bench.polytomic.order("get_identity", LOST, LOST)
    bench.store.order("write", lambda: bench.store.put("put-by-somebody-else"))
    with raises(IssuanceIncompleteError, "new_key_unverified"):
        bench.issue(mode)
    assert bench.store.value == "put-by-somebody-else"


def test_a_working_key_that_came_there_meanwhile_is_kept(bench: Harness):
    bench.store.order("write", lambda: bench.hold("of-another-issuer", issued_at=None))
    reference = bench.issue(ENSURE)
    assert bench.store.value == "of-another-issuer"
    assert (reference.issued, reference.fingerprint) == (False, fingerprint("of-another-issuer"))
    assert bench.store.parsed.fingerprint == fingerprint("of-another-issuer")


@MODES
def test_a_dead_key_that_came_there_meanwhile_is_replaced(bench: Harness, mode):
    bench.store.order("write", lambda: bench.hold("dead-already", owner=None, issued_at=None))
    assert bench.issue(mode).issued
    assert bench.store.value == "minted-key-1"


@MODES
@pytest.mark.parametrize("take_over", [False, True])
def test_something_foreign_that_came_there_meanwhile_stays(bench: Harness, mode, take_over):
    bench.store.order("write", lambda: bench.store.put(None, is_foreign=True))
    with raises(IssuanceRefusedError, "foreign_value"):
        bench.issue(mode, take_over=take_over)
    assert bench.store.is_foreign


@MODES
@pytest.mark.parametrize("take_over", [False, True])
def test_somebody_elses_working_key_that_came_there_meanwhile_stays(bench: Harness, mode, take_over):
    bench.store.order("write", lambda: bench.hold("of-another-user", owner=OTHER, issued_at=None))
    with raises(IssuanceRefusedError, "key_of_another_user"):
        bench.issue(mode, take_over=take_over)
    assert bench.store.value == "of-another-user"
    assert bench.store.parsed.state == "open"


@MODES
@pytest.mark.parametrize("acted", [False, True])
def test_a_store_that_did_not_answer_is_read_again(bench: Harness, mode, acted):
    error = SecretStoreUnavailableError("away")
    bench.store.order("write", After(error) if acted else error)
    assert bench.issue(mode).issued
    assert bench.calls.count("write") == (1 if acted else 2)
    assert bench.store.value == "minted-key-1"


def test_a_store_that_never_answers_ends_the_try_after_bounded_waits(bench: Harness):
    bench.store.order("write", *[SecretStoreUnavailableError("away")] * 5)
    with raises(IssuanceIncompleteError, "store_failed"):
        bench.issue(RENEW)
    assert bench.store.parsed.state == "open"
    assert sum(bench.time.slept) < 8
    bench.issue(RENEW)
    assert (bench.polytomic.minted, bench.store.value) == (1, "minted-key-1")


def test_a_stale_read_back_is_waited_for(bench: Harness):
    bench.hold("old-key")
    bench.store.readers_get.extend(["old-key", "old-key"])
    assert bench.issue(RENEW).issued
    assert bench.time.slept == [pytest.approx(0.1875), pytest.approx(0.375)]


def test_a_read_back_that_stays_stale_fails_so_that_airflow_retries(bench: Harness):
    bench.hold("old-key")
    bench.store.readers_get.extend(["old-key"] * 5)
    with raises(IssuanceIncompleteError, "readers_behind"):
        bench.issue(RENEW)
    assert bench.store.parsed.state == "open"
    assert bench.issue(RENEW).issued
    assert bench.polytomic.minted == 1


@MODES
def test_what_shadows_the_destination_is_named_and_the_key_is_not_lost(bench: Harness, mode):
    bench.store.readers_get.extend(["of-the-environment"] * 5)
    bench.store.order("check_write", None, SecretStoreDeniedError("AIRFLOW_CONN_ACME answers first."))
    with raises(IssuanceRefusedError, "shadowed"):
        bench.issue(mode)
    assert "of-the-environment" not in bench.polytomic.asked_about
    bench.issue(mode)
    assert (bench.polytomic.minted, bench.store.value) == (1, "minted-key-1")


def test_a_working_key_that_replaced_ours_after_the_promotion_is_the_result(bench: Harness):
    bench.store.order("read_back", lambda: bench.hold("of-another-issuer", issued_at=None))
    reference = bench.issue(RENEW)
    assert (reference.issued, reference.fingerprint) == (False, fingerprint("of-another-issuer"))
    assert reference.version is None


def test_a_key_lost_after_the_promotion_is_issued_again(bench: Harness):
    bench.store.order("read_back", lambda: bench.store.put("dead-already"))
    assert bench.issue(RENEW).issued
    assert bench.polytomic.live == {bench.store.value: TARGET}


@pytest.mark.parametrize("before", ["due", None], ids=["restored", "removed"])
def test_a_store_that_says_what_was_there_before_is_behind_and_no_other_key_is_issued(bench: Harness, before):
    if before:
        bench.hold(before, issued_at=bench.time.now - timedelta(days=9))
    bench.store.order("read_back", lambda: bench.store.put(before))
    with raises(IssuanceIncompleteError, "readers_behind"):
        bench.issue(RENEW)
    assert bench.polytomic.minted == 1
    assert bench.issue(RENEW).issued
    assert bench.polytomic.minted == 1, "the next try gets the very key"
    assert bench.polytomic.live == {bench.store.value: TARGET}


@pytest.mark.parametrize(
    ("mode", "earlier", "outage"),
    [(ENSURE, None, None), (RENEW, None, 4.0), (RENEW, timedelta(hours=2), 7200.0 + 5.0), (RENEW, timedelta(0), 5.0)],
    ids=["ensure", "renew", "joined", "joined at once"],
)
def test_the_reference_says_everything_about_the_key_but_the_key(bench: Harness, mode, earlier, outage):
    """POST, verification, write, read-back and proof take a second each."""
    if earlier is not None:
        bench.record(opened_at=bench.time.now - earlier)

    def a_second() -> None:
        bench.time.pass_(seconds=1)

    for call in ("create_api_key", "read_back"):
        bench.polytomic.order(call, a_second)
        bench.store.order(call, a_second)
    bench.polytomic.order("get_identity", a_second, a_second)
    bench.store.order("write", a_second)
    reference = bench.issue(mode)
    assert reference.outage_seconds == outage
    assert reference.seconds == {"mint": 1.0, "verify": 1.0, "promote": 1.0, "read back": 1.0, "confirm": 1.0}
    assert reference.target == TARGET
    assert reference.issued is True
    assert reference.issuance_id == bench.store.parsed.issuance_id
    assert reference.fingerprint == bench.store.parsed.fingerprint == fingerprint("minted-key-1")
    assert reference.issued_at == bench.store.parsed.issued_at
    assert reference.version == str(bench.store.version)
    json = reference.to_json("airflow://connection/acme", server="https://app.polytomic.com")
    assert reference.details().get("outage_seconds") == outage
    assert "minted-key-1" not in repr(reference) + str(json) + str(reference.details())


def test_the_reference_of_a_kept_key_is_that_of_its_issuance_without_an_outage(bench: Harness):
    first = bench.issue(RENEW)
    kept = bench.issue(RENEW)
    for name in ("issuance_id", "fingerprint", "issued_at", "version"):
        assert getattr(kept, name) == getattr(first, name)
    assert (kept.issued, kept.outage_seconds) == (False, None)
