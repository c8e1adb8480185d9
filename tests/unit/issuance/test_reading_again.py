"""What if the new key turns out to be dead? The destination is looked at again: has somebody else finished?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_polytomic._issuance import Ensure
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicConnectionError,
    SecretStoreDeniedError,
)
from tests.reasons import raises
from tests.runs import renew
from tests.unit.issuance.harness import MONDAY, TARGET, Harness, fingerprint

ENSURE, RENEW = Ensure(), renew(MONDAY)
MODES = pytest.mark.parametrize("mode", [ENSURE, RENEW], ids=["ensure", "renew"])


def killing_the_new_key(bench: Harness, *then: object) -> None:
    """When the new key is asked about, it is dead for good; what else has happened by then is given."""

    def kill() -> None:
        bench.polytomic.live.pop("minted-key-1")
        for act in then:
            assert callable(act)
            act()

    bench.polytomic.order("get_identity", kill)


@MODES
def test_a_working_key_that_somebody_else_has_stored_meanwhile_is_the_result(bench: Harness, mode):
    killing_the_new_key(bench, lambda: bench.hold("of-another-issuer", issued_at=None))
    reference = bench.issue(mode)
    assert (reference.issued, reference.fingerprint) == (False, fingerprint("of-another-issuer"))
    assert len(bench.polytomic.posts) == 1
    assert "write" not in bench.calls
    assert bench.polytomic.asked_about[-1] == "of-another-issuer", "it is proven, too"


def test_a_dead_key_that_somebody_else_has_stored_meanwhile_is_replaced_without_a_conflict(bench: Harness):
    killing_the_new_key(bench, lambda: bench.hold("dead-already", owner=None, issued_at=None))
    assert bench.issue(RENEW).issued
    assert bench.polytomic.key_numbers == [0, 1]
    assert bench.calls.count("write") == 1
    assert bench.store.value == "minted-key-2"


def test_the_key_that_was_there_before_does_not_count_even_if_it_works(bench: Harness):
    """A forced issuance is there to replace it, whatever Polytomic's servers still say of it."""
    bench.hold()
    killing_the_new_key(bench, lambda: bench.polytomic.live.update({"stored-key": TARGET}))
    assert bench.issue(RENEW).issued
    assert bench.store.value == "minted-key-2"
    assert "stored-key" not in bench.polytomic.asked_about


@pytest.mark.parametrize("record", ["removed", "failed", "of another issuance"])
def test_where_the_record_is_no_longer_this_issuances_it_begins_anew(bench: Harness, record):
    def change() -> None:
        if record == "removed":
            bench.store.record = None
        elif record == "failed":
            bench.store.record = replace(bench.store.parsed, state="failed").to_mapping()
        else:
            bench.record(issuance_id="6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c77")

    killing_the_new_key(bench, change)
    assert bench.issue(RENEW).issued
    names = [name for name, _ in bench.polytomic.posts]
    if record == "of another issuance":
        assert names[1] == "6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c77-0", "that one is joined"
    else:
        assert bench.polytomic.key_numbers == [0, 0, 1], (
            "the state is the same, and so is what the issuance derives from it"
        )


@MODES
def test_no_answer_about_what_somebody_else_stored_ends_the_try(bench: Harness, mode):
    killing_the_new_key(bench, lambda: bench.hold("of-another-issuer", issued_at=None))
    # The new key is asked about three times before it is taken for dead.
    bench.polytomic.order("get_identity", None, None, PolytomicConnectionError("lost"))
    with raises(IssuanceIncompleteError, "key_state_unknown"):
        bench.issue(mode)
    assert bench.store.parsed.state == "open"


@pytest.mark.parametrize(("posted", "says"), [(False, "Nothing was issued or changed"), (True, "stays open")])
def test_a_refusal_says_what_state_things_are_in(bench: Harness, posted, says):
    bench.polytomic.partners.add("of-a-partner")
    if posted:
        bench.store.order("write", lambda: bench.hold("of-a-partner", owner=None, issued_at=None))
    else:
        bench.hold("of-a-partner", owner=None, is_recognised=True, issued_at=None)
    with raises(IssuanceRefusedError, "key_of_another_user") as refused:
        bench.issue(RENEW)
    assert says in str(refused.value)
    assert bench.store.value == "of-a-partner"


def test_a_store_whose_record_cannot_be_read_either_says_what_failed_first(bench: Harness):
    bench.record()
    bench.store.order("check_write", SecretStoreDeniedError("no right to write"))
    bench.store.order("read_record", None, SecretStoreDeniedError("nor to read"))
    with pytest.raises(SecretStoreDeniedError):
        bench.issue(RENEW)
