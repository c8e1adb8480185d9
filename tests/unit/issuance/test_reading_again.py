"""A new key that is revoked at once: the destination is read again, because another issuer may have finished."""

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

ENSURE, ROTATE = Ensure(), renew(MONDAY)
MODES = pytest.mark.parametrize("mode", [ENSURE, ROTATE], ids=["ensure", "renew"])


def killing_the_new_key(harness: Harness, *then: object) -> None:
    """Revoke the new key when Polytomic is asked about it; another event may happen at that moment."""

    def kill() -> None:
        harness.polytomic.live.pop("minted-key-1")
        for act in then:
            assert callable(act)
            act()

    harness.polytomic.order("get_identity", kill)


@MODES
def test_a_working_key_that_another_issuer_stored_meanwhile_is_the_result(harness: Harness, mode):
    killing_the_new_key(harness, lambda: harness.hold("of-another-issuer", issued_at=None))
    reference = harness.issue(mode)
    assert (reference.issued, reference.fingerprint) == (False, fingerprint("of-another-issuer"))
    assert len(harness.polytomic.posts) == 1
    assert "write" not in harness.calls
    assert harness.polytomic.asked_about[-1] == "of-another-issuer", "it is proven, too"


def test_a_revoked_key_that_another_issuer_stored_meanwhile_is_replaced_without_a_conflict(harness: Harness):
    killing_the_new_key(harness, lambda: harness.hold("revoked-already", owner=None, issued_at=None))
    assert harness.issue(ROTATE).issued
    assert harness.polytomic.key_numbers == [0, 1]
    assert harness.calls.count("write") == 1
    assert harness.store.value == "minted-key-2"


def test_the_key_that_was_there_before_does_not_count_even_if_it_works(harness: Harness):
    """A forced issuance is there to replace it, whatever Polytomic's servers still say of it."""
    harness.hold()
    killing_the_new_key(harness, lambda: harness.polytomic.live.update({"stored-key": TARGET}))
    assert harness.issue(ROTATE).issued
    assert harness.store.value == "minted-key-2"
    assert "stored-key" not in harness.polytomic.asked_about


@pytest.mark.parametrize("record", ["removed", "failed", "of another issuance"])
def test_an_issuance_whose_record_was_replaced_starts_again(harness: Harness, record):
    def change() -> None:
        if record == "removed":
            harness.store.record = None
        elif record == "failed":
            harness.store.record = replace(harness.store.parsed, state="failed").to_mapping()
        else:
            harness.record(issuance_id="6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c77")

    killing_the_new_key(harness, change)
    assert harness.issue(ROTATE).issued
    names = [name for name, _ in harness.polytomic.posts]
    if record == "of another issuance":
        assert names[1] == "6d1c2f0a-0d0c-5f0e-9a52-1d5a4e2b7c77-0", "that one is joined"
    else:
        assert harness.polytomic.key_numbers == [0, 0, 1], (
            "the state is the same, and so is what the issuance derives from it"
        )


@MODES
def test_no_response_about_what_another_process_stored_ends_the_try(harness: Harness, mode):
    killing_the_new_key(harness, lambda: harness.hold("of-another-issuer", issued_at=None))
    # Polytomic is asked about a new key three times before the key counts as revoked.
    harness.polytomic.order("get_identity", None, None, PolytomicConnectionError("lost"))
    with raises(IssuanceIncompleteError, "key_state_unknown"):
        harness.issue(mode)
    assert harness.store.parsed.state == "open"


@pytest.mark.parametrize(("posted", "says"), [(False, "Nothing was issued or changed"), (True, "stays open")])
def test_a_refusal_says_what_state_things_are_in(harness: Harness, posted, says):
    harness.polytomic.partners.add("of-a-partner")
    if posted:
        harness.store.order("write", lambda: harness.hold("of-a-partner", owner=None, issued_at=None))
    else:
        harness.hold("of-a-partner", owner=None, is_recognised=True, issued_at=None)
    with raises(IssuanceRefusedError, "key_of_another_user") as refused:
        harness.issue(ROTATE)
    assert says in str(refused.value)
    assert harness.store.value == "of-a-partner"


def test_a_store_whose_record_cannot_be_read_either_says_what_failed_first(harness: Harness):
    harness.record()
    harness.store.order("check_write", SecretStoreDeniedError("no right to write"))
    harness.store.order("read_record", None, SecretStoreDeniedError("nor to read"))
    with pytest.raises(SecretStoreDeniedError):
        harness.issue(ROTATE)
