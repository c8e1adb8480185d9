"""What is removed goes away from readers, and nothing else with it."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConflictError
from tests.contract.test_values import assert_nothing_is_held

RECORD = {"state": "done", "previous_fingerprint": "absent"}


def issue(store, key):
    store.write_record(RECORD)
    store.write(ApiKey(key), store.read())


def test_where_nothing_is_there_is_nothing_to_do(case, name):
    store = case.open(name)
    store.remove(store.read(), permanently=True)
    store.remove_record()
    assert_nothing_is_held(case, name)
    assert case.open(name).read().version == "absent"
    assert store.read_record() is None


@pytest.mark.parametrize("permanently", [True, False], ids=["for good", "recoverable"])
def test_what_is_removed_is_gone_for_readers_and_removing_again_is_no_error(case, name, permanently):
    store = case.open(name)
    issue(store, "a-key")
    seen = store.read()
    store.remove(seen, permanently=permanently)
    assert_nothing_is_held(case, name)
    # Another worker finishes what a killed one began.
    store = case.open(name)
    store.remove_record()
    assert case.open(name).read_record() is None
    for over in (seen, store.read()):
        store.remove(over, permanently=permanently)
    store.remove_record()
    assert_nothing_is_held(case, name)
    assert store.read_record() is None


def test_the_record_alone_is_removed_without_touching_the_value(case, name):
    store = case.open(name)
    issue(store, "a-key")
    version = store.read().version
    store.remove_record()
    assert case.open(name).read_record() is None
    assert case.open(name).read().version == version
    assert case.consumer(name) == "a-key"


def test_a_record_without_a_value_is_removed(case, name):
    store = case.open(name)
    store.write_record(RECORD)
    store.remove(store.read(), permanently=True)
    store.remove_record()
    assert case.open(name).read_record() is None
    assert_nothing_is_held(case, name)


@pytest.mark.parametrize("before", ["a-key", None], ids=["changed", "created"])
def test_what_was_changed_since_it_was_read_stays(case, name, before):
    store = case.open(name)
    if before:
        issue(store, before)
    seen, record = store.read(), store.read_record()
    case.put(name, "meanwhile")
    with pytest.raises(SecretStoreConflictError) as refused:
        store.remove(seen, permanently=True)
    assert refused.value.reason == "changed_since_read"
    assert case.consumer(name) == "meanwhile"
    assert case.open(name).read_record() == record


def test_what_others_keep_in_the_secret_stays_where_it_has_fields(case, name):
    if not case.has_fields:
        pytest.skip("in this store the whole secret goes")
    case.put(name, "by-hand", beside=case.keeps_beside)
    for _ in range(2):
        store = case.open(name)
        store.remove(store.read(), permanently=True)
        assert_nothing_is_held(case, name)
        assert case.beside(name) == case.keeps_beside
    store.remove_record()
    assert case.beside(name) == case.keeps_beside


def test_what_is_no_key_can_be_removed_recoverably(case, name):
    case.put_foreign(name)
    store = case.open(name)
    store.remove(store.read(), permanently=False)
    assert_nothing_is_held(case, name)


def test_a_key_can_be_stored_again_where_one_was_removed_for_good(case, name):
    store = case.open(name)
    for key in ("first-key", "second-key"):
        store.check_write(store.read())
        issue(store, key)
        assert case.consumer(name) == key == case.open(name).read().value.reveal()
        assert dict(case.open(name).read_record()) == RECORD
        store.remove(store.read(), permanently=True)
        store.remove_record()
        assert_nothing_is_held(case, name)
