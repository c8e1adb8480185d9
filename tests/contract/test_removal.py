"""Does what is removed go away from readers, and nothing else with it?"""

from __future__ import annotations

import re
import traceback

import pytest

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import ConflictError, DeniedError
from tests.contract.test_values import ODD_NAMES

RECORD = {"state": "done", "before": "absent"}
# Where a secret has fields, of which only the key's goes; elsewhere a connection or a text goes whole.
WITH_FIELDS = re.compile(r".*-(kv\d-(variable|outside)|field)")

how = pytest.mark.parametrize("for_good", [True, False], ids=["for good", "recoverable"])


def issue(store, key):
    store.write_record(RECORD)
    store.write(ApiKey(key), store.read())


def assert_nothing_is_held(case, name):
    store = case.open(name)
    held = store.read()
    assert (held.value, held.foreign) == (None, False)
    assert store.read_back() is None
    assert case.consumer(name) is None


@how
def test_where_nothing_is_there_is_nothing_to_do(case, name, for_good):
    store = case.open(name)
    store.remove(store.read(), for_good=for_good)
    store.remove_record()
    assert_nothing_is_held(case, name)
    assert case.open(name).read().version == "absent"
    assert store.read_record() is None


@how
def test_what_is_removed_is_gone_for_readers_and_removing_again_is_no_error(case, name, for_good):
    store = case.open(name)
    issue(store, "a-key")
    seen = store.read()
    store.remove(seen, for_good=for_good)
    assert_nothing_is_held(case, name)
    store.remove_record()
    assert case.open(name).read_record() is None
    for over in (seen, store.read()):
        store.remove(over, for_good=for_good)
    store.remove_record()
    assert_nothing_is_held(case, name)
    assert store.read_record() is None


def test_another_worker_finishes_what_a_killed_one_began(case, name):
    issue(case.open(name), "a-key")
    killed = case.open(name)
    killed.remove(killed.read(), for_good=True)
    store = case.open(name)
    store.remove_record()
    assert_nothing_is_held(case, name)
    assert case.open(name).read_record() is None


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
    store.remove(store.read(), for_good=True)
    store.remove_record()
    assert case.open(name).read_record() is None
    assert_nothing_is_held(case, name)


@how
def test_what_was_changed_since_it_was_read_stays(case, name, for_good):
    store = case.open(name)
    issue(store, "a-key")
    seen = store.read()
    case.put(name, "meanwhile")
    with pytest.raises(ConflictError):
        store.remove(seen, for_good=for_good)
    assert case.consumer(name) == "meanwhile"
    assert dict(case.open(name).read_record()) == RECORD


def test_what_was_created_since_nothing_was_read_stays(case, name):
    store = case.open(name)
    seen = store.read()
    case.put(name, "meanwhile")
    with pytest.raises(ConflictError):
        store.remove(seen, for_good=True)
    assert case.consumer(name) == "meanwhile"


def test_what_others_keep_in_the_secret_stays_where_it_has_fields(case, name, request):
    if not WITH_FIELDS.fullmatch(request.node.callspec.params["case"]):
        pytest.skip("in this store the whole secret goes")
    case.put(name, "by-hand", beside=case.keeps_beside)
    store = case.open(name)
    store.remove(store.read(), for_good=True)
    assert_nothing_is_held(case, name)
    assert case.beside(name) == case.keeps_beside
    store.remove(store.read(), for_good=True)
    store.remove_record()
    assert case.beside(name) == case.keeps_beside


def test_what_is_no_key_can_be_removed_recoverably(case, name):
    case.put_foreign(name)
    store = case.open(name)
    store.remove(store.read(), for_good=False)
    assert_nothing_is_held(case, name)


def test_a_key_can_be_stored_again_where_one_was_removed_for_good(case, name):
    store = case.open(name)
    for key in ("first-key", "second-key"):
        store.check_write(store.read())
        issue(store, key)
        assert case.consumer(name) == key == case.open(name).read().value.reveal()
        assert dict(case.open(name).read_record()) == RECORD
        store.remove(store.read(), for_good=True)
        store.remove_record()
        assert_nothing_is_held(case, name)


def test_odd_names_are_removed(case):
    possible = [odd for odd in ODD_NAMES if case.names.fullmatch(odd)]
    assert possible
    for odd in possible:
        store = case.open(odd)
        issue(store, "a-key")
        store.remove(store.read(), for_good=True)
        store.remove_record()
        assert_nothing_is_held(case, odd)
        assert case.open(odd).read_record() is None


def test_names_that_look_alike_stay(case):
    gone, *others = ["acme_b", "acme/b", "ACME/b", "acme-b", "acme_b_c"]
    for each in (gone, *others):
        issue(case.open(each), f"key-of-{each}")
    store = case.open(gone)
    store.remove(store.read(), for_good=True)
    store.remove_record()
    assert_nothing_is_held(case, gone)
    for each in others:
        assert case.consumer(each) == f"key-of-{each}"
        assert dict(case.open(each).read_record()) == RECORD


@how
def test_without_the_right_to_remove_nothing_changes(case, name, unprivileged_after, for_good):
    if not case.parallel:
        pytest.skip("Airflow 3.3 lets every task delete every Variable")
    case.put(name, "by-hand")
    unprivileged_after(case.deny)
    store = case.open(name)
    held = store.read()
    with pytest.raises(DeniedError, match=case.denied) as caught:
        store.remove(held, for_good=for_good)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "by-hand" not in told
    assert store.read().version == held.version
    assert case.consumer(name) == "by-hand"
