"""A store gives readers the very key that was written, keeps its record beside it, and loses nobody's key."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from airflow_provider_polytomic._issuance.record import IssuanceRecord, Run
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreDeniedError,
)

# Alike among them, so that one in the place of another is seen.
NAMES = ["a", "Acme", "acme.prod-1_x", "team/acme", "TEAM/acme", "team_acme", "team-acme", "team_acme_b", "äcme_übung",
         "acme:8443", "x" * 225, "true", "0123", "null"]  # fmt: skip
KEYS = {name: f"key-{number}" for number, name in enumerate(NAMES)}
ODD_KEYS = [
    "'\"quoted\"'",
    "%41%%20%s%(x)s",
    "{{var.value.x}}{0}",
    "@-#:!&*[]{}?|>=",
    "a/b:c@d?e=f&g#h+i;j,k",
    "\\n\\u0041\\",
    "0123456789",
    "true",
    '{"a":1}',
    "$HOME`id`",
    "k" * 3000,
]
RECORD = {
    "state": "done",
    "opened_at": "2026-11-22T10:00:00.123456+00:00",
    "previous_fingerprint": "absent",
    "odd": "quotes \" ' percent % brace { umlaut ü",
    "empty": "",
}
# As full as a record can be, with as much in it as a later version of this package may add.
FULL = IssuanceRecord(
    state="done",
    issuance_id=str(UUID(int=1)),
    forced=True,
    idempotency_keys_used=2,
    opened_at=datetime(2031, 1, 6, 10, 0, 0, 123456, tzinfo=UTC),
    previous_fingerprint="absent",
    target=Target.parse(str(UUID(int=2)), str(UUID(int=3))),
    fingerprint="f" * 32,
    issued_at=datetime(2031, 1, 6, 10, 0, 1, 123456, tzinfo=UTC),
    run=Run(str(UUID(int=4)), datetime(2031, 1, 6, tzinfo=UTC)),
    unknown=tuple((f"later_{'x' * 11}{number}", "".join(map(chr, range(33, 113)))) for number in range(5)),
)
KEY = "pk-live-0123456789abcdefghij"


def assert_nothing_is_held(case, name):
    store = case.open(name)
    held = store.read()
    assert (held.value, held.is_foreign) == (None, False)
    assert store.read_back() is None
    assert case.consumer(name) is None


def assert_hidden(error, *secrets):
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert not [secret for secret in secrets if secret in told]
    assert error.__context__ is None


def test_a_fresh_destination_holds_nothing(case, name):
    assert_nothing_is_held(case, name)
    store = case.open(name)
    assert (store.read().is_recognised, store.read().version) == (False, "absent")
    assert store.read_record() is None


def test_readers_get_the_very_key(case, name):
    store = case.open(name)
    for key in ODD_KEYS:
        version = store.write(ApiKey(key), store.read())
        held = case.open(name).read()
        assert held.value.reveal() == key == store.read_back().reveal() == case.consumer(name)
        assert (held.version, held.is_foreign) == (version, False)


def test_what_a_person_stored_is_read_and_what_is_no_key_is_foreign_and_not_shown(case, name):
    case.put(name, "by-hand")
    assert case.open(name).read().value.reveal() == case.open(name).read_back().reveal() == "by-hand"
    case.put_foreign(f"{name}_foreign")
    held = case.open(f"{name}_foreign").read()
    assert (held.value, held.is_foreign, held.is_recognised) == (None, True, False)
    assert "warehouse" not in repr(held)
    assert "two words" not in repr(held)


def test_what_others_keep_in_the_secret_stays(case, name):
    if case.keeps_beside is None:
        pytest.skip("in this store a secret is the key alone")
    case.put(name, "by-hand", beside=case.keeps_beside)
    store = case.open(name)
    store.write(ApiKey("new-key"), store.read())
    assert case.beside(name) == case.keeps_beside
    assert case.consumer(name) == "new-key"


def test_each_name_is_a_place_of_its_own_from_the_first_write_to_the_removal(case):
    names = [name for name in NAMES if case.names.fullmatch(name)]
    for name in names:
        store = case.open(name)
        store.check_write(store.read())
        store.write_record({"state": "open", "for": name})
        store.write(ApiKey(KEYS[name]), store.read())
    while names:
        for name in names:
            assert case.consumer(name) == KEYS[name] == case.open(name).read_back().reveal()
            assert case.open(name).read_record() == {"state": "open", "for": name}
        # Half of them at a time: each comparison reads all that are left.
        names, gone = names[1::2], names[::2]
        for name in gone:
            store = case.open(name)
            store.remove(store.read(), permanently=True)
            store.remove_record()
            assert_nothing_is_held(case, name)
            assert store.read_record() is None


def test_a_name_that_the_store_cannot_hold_is_refused(case):
    for name in NAMES:
        # The Execution API that a test has is not the one of a scheduler's task.
        if case.parallel and not case.names.fullmatch(name):
            with pytest.raises(SecretStoreConfigurationError) as refused:
                case.open(name)
            assert refused.value.reason == "name_not_allowed"


def test_the_version_changes_with_the_value_and_with_nothing_else(case, name):
    store = case.open(name)
    absent = store.read().version
    store.write_record({"state": "open"})
    store.check_write(store.read())
    assert store.read().version == absent
    first = store.write(ApiKey("first-key"), store.read())
    store.write_record({"state": "done"})
    store.check_write(store.read())
    other = case.open(f"{name}_other")
    other.write(ApiKey("first-key"), other.read())
    other.write_record({"state": "done"})
    assert store.read().version == first != absent
    second = store.write(ApiKey("second-key"), store.read())
    assert store.read().version == second not in {first, absent}
    assert "key" not in f"{first}{second}"


@pytest.mark.parametrize("before", ["at-first", None], ids=["changed", "created"])
def test_a_write_over_what_is_no_longer_there_conflicts_and_changes_nothing(case, name, before):
    store = case.open(name)
    if before:
        case.put(name, before)
    seen = store.read()
    case.put(name, "meanwhile")
    with pytest.raises(SecretStoreConflictError) as refused:
        store.write(ApiKey("too-late"), seen)
    assert refused.value.reason == "changed_since_read"
    assert case.consumer(name) == "meanwhile"
    store.write(ApiKey("in-time"), store.read())
    assert case.consumer(name) == "in-time"


def test_of_two_who_read_the_same_only_the_first_writes(case, name):
    one, two = case.open(name), case.open(name)
    seen_by_one, seen_by_two = one.read(), two.read()
    one.write(ApiKey("of-one"), seen_by_one)
    with pytest.raises(SecretStoreConflictError):
        two.write(ApiKey("of-two"), seen_by_two)
    assert case.consumer(name) == "of-one"


def test_a_record_comes_back_whole_and_it_and_the_value_do_not_touch_each_other(case, name):
    store = case.open(name)
    store.write_record({"state": "open", "gone": "later"})
    store.write_record(RECORD)
    assert dict(case.open(name).read_record()) == RECORD
    assert_nothing_is_held(case, name)
    store.write(ApiKey("a-key"), store.read())
    assert dict(store.read_record()) == RECORD
    store.write_record({"state": "failed"})
    assert store.read_record() == {"state": "failed"}
    assert store.read_back().reveal() == "a-key"


def test_what_a_later_version_added_to_a_record_survives_a_rewrite(case, name):
    case.open(name).write_record(FULL.to_mapping())
    store = case.open(name)
    found = IssuanceRecord.parse(store.read_record(), place=store.place)
    assert found == FULL
    store.write_record(replace(found, state="failed", idempotency_keys_used=3).to_mapping())
    assert IssuanceRecord.parse(case.open(name).read_record(), place=store.place) == replace(
        FULL, state="failed", idempotency_keys_used=3
    )


def test_a_check_changes_nothing(case, name):
    store = case.open(name)
    store.check_write(store.read())
    assert store.read().version == "absent"
    assert store.read_record() is None
    case.put(name, "by-hand")
    before = store.read()
    store.check_write(before)
    assert store.read().version == before.version
    assert case.consumer(name) == "by-hand"


def test_without_the_right_to_write_nothing_changes_and_no_error_holds_the_key(case, name, deny):
    if not case.parallel:
        pytest.skip("Airflow 3.3 lets every task write and delete every Variable")
    case.put(name, "by-hand")
    # That other user may not be able to import what is first needed here.
    case.open(name).check_write(case.open(name).read())
    deny()
    store = case.open(name)
    held = store.read()
    acts = [
        lambda: store.write_record({"state": "open"}),
        lambda: store.write(ApiKey(KEY), held),
        lambda: store.remove(held, permanently=True),
    ]
    if case.checks_rights:  # elsewhere the record, which is written before a key is asked for, is the proof
        acts.append(lambda: store.check_write(held))
    for act in acts:
        with pytest.raises(SecretStoreDeniedError) as denied:
            act()
        assert denied.value.reason in case.denied
        assert_hidden(denied.value, KEY, "by-hand")
    assert store.read().version == held.version
    assert store.read_record() is None
    assert case.consumer(name) == "by-hand"


def test_a_crowd_on_one_store_loses_nothing(case):
    if not case.parallel:
        pytest.skip("one writer at a time")
    names = [f"tenant_{number}" for number in range(16)]

    def issue(each: str) -> None:
        store = case.open(each)
        store.write_record({"state": "open", "of": each})
        store.write(ApiKey(f"key-of-{each}"), store.read())
        store.write_record({"state": "done", "of": each})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(issue, names))
    for each in names:
        assert case.consumer(each) == f"key-of-{each}"
        assert case.open(each).read_record() == {"state": "done", "of": each}
