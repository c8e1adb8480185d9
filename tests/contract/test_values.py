"""Does a store give readers exactly the key that was written, and tell its versions apart?"""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import ConflictError, MisconfiguredError

ODD_NAMES = ["a", "Acme", "acme.prod-1_x", "team/acme", "äcme_übung", "acme:8443", "x" * 225, "true", "0123", "null"]
ODD_KEYS = {
    "quotes": "'\"quoted\"'",
    "percent": "%41%%20%s%(x)s",
    "braces": "{{var.value.x}}{0}",
    "leading specials": "@-#:!&*[]{}?|>=",
    "uri specials": "a/b:c@d?e=f&g#h+i;j,k",
    "backslash": "\\n\\u0041\\",
    "yaml-like number": "0123456789",
    "yaml-like boolean": "true",
    "json-like": '{"a":1}',
    "dollar": "$HOME`id`",
    "3 KB": "k" * 3000,
}


def test_a_fresh_destination_holds_nothing(case, name):
    store = case.open(name)
    held = store.read()
    assert (held.value, held.foreign, held.ours, held.version) == (None, False, False, "absent")
    assert store.read_record() is None
    assert store.read_back() is None


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS)
def test_readers_get_the_very_key(case, name, key):
    store = case.open(name)
    version = store.write(ApiKey(key), store.read())
    held = case.open(name).read()
    assert held.value.reveal() == key
    assert held.version == version
    assert not held.foreign
    assert store.read_back().reveal() == key
    assert case.consumer(name) == key


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_readers_find_the_key_under_odd_names(case, odd):
    if not case.names.fullmatch(odd):
        if case.parallel:  # the Execution API that a test has is not the one of a scheduler's task
            with pytest.raises(MisconfiguredError, match=r"No request was sent"):
                case.open(odd)
        return
    store = case.open(odd)
    store.check_write(store.read())
    store.write_record({"state": "open", "for": odd})
    store.write(ApiKey(f"key-of-{len(odd)}"), store.read())
    assert case.consumer(odd) == f"key-of-{len(odd)}" == store.read_back().reveal()
    assert case.open(odd).read_record() == {"state": "open", "for": odd}


def test_names_that_look_alike_are_apart(case):
    alike = ["acme/b", "ACME/b", "acme_b", "acme-b"]
    for number, each in enumerate(alike):
        store = case.open(each)
        store.write_record({"number": str(number)})
        store.write(ApiKey(f"key-{number}"), store.read())
    for number, each in enumerate(alike):
        assert case.consumer(each) == f"key-{number}"
        assert case.open(each).read_record() == {"number": str(number)}


def test_what_a_person_stored_is_read(case, name):
    case.put(name, "by-hand")
    assert case.open(name).read().value.reveal() == "by-hand"
    assert case.open(name).read_back().reveal() == "by-hand"


def test_what_is_no_key_is_foreign_and_not_shown(case, name):
    case.put_foreign(name)
    held = case.open(name).read()
    assert (held.value, held.foreign, held.ours) == (None, True, False)
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


@pytest.mark.parametrize("meanwhile", ["by-hand", None], ids=["changed", "created"])
def test_a_write_over_what_is_no_longer_there_conflicts_and_changes_nothing(case, name, meanwhile):
    store = case.open(name)
    if meanwhile:
        case.put(name, "at-first")
    seen = store.read()
    case.put(name, "meanwhile")
    with pytest.raises(ConflictError):
        store.write(ApiKey("too-late"), seen)
    assert case.consumer(name) == "meanwhile"
    store.write(ApiKey("in-time"), store.read())
    assert case.consumer(name) == "in-time"


def test_of_two_who_read_the_same_only_the_first_writes(case, name):
    one, two = case.open(name), case.open(name)
    seen_by_one, seen_by_two = one.read(), two.read()
    one.write(ApiKey("of-one"), seen_by_one)
    with pytest.raises(ConflictError):
        two.write(ApiKey("of-two"), seen_by_two)
    assert case.consumer(name) == "of-one"
