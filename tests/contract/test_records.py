"""Is the record kept beside the value, whole, and without touching it?"""

from __future__ import annotations

from airflow_provider_polytomic.api_key import ApiKey

RECORD = {
    "state": "done",
    "opened_at": "2026-11-22T10:00:00.123456+00:00",
    "before": "absent",
    "odd": "quotes \" ' percent % brace { umlaut ü",
    "empty": "",
}


def test_a_record_comes_back_whole_and_the_last_writer_wins(case, name):
    store = case.open(name)
    store.write_record({"state": "open", "gone": "later"})
    store.write_record(RECORD)
    assert dict(case.open(name).read_record()) == RECORD


def test_value_and_record_do_not_touch_each_other(case, name):
    store = case.open(name)
    store.write_record(RECORD)
    assert store.read().value is None
    store.write(ApiKey("a-key"), store.read())
    assert dict(store.read_record()) == RECORD
    store.write_record({"state": "failed"})
    assert store.read_back().reveal() == "a-key"


def test_a_record_is_no_secret_that_readers_find(case, name):
    store = case.open(name)
    store.write_record(RECORD)
    assert case.consumer(name) is None


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
