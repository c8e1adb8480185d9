"""What do a refused write and a crowd of writers leave behind? No key in an error, and nobody's key lost."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import DeniedError

KEY = "pk-live-0123456789abcdefghij"


def test_denied_rights_are_found_beforehand_and_no_error_holds_the_key(case, name, unprivileged_after):
    if not case.parallel:
        pytest.skip("Airflow 3.3 lets every task write every Variable")
    case.put(name, "by-hand")
    unprivileged_after(case.deny)
    store = case.open(name)
    held = store.read()
    acts = [lambda: store.write_record({"state": "open"}), lambda: store.write(ApiKey(KEY), held)]
    if case.checks_rights:  # elsewhere the record, which is written before a key is asked for, is the proof
        acts.append(lambda: store.check_write(held))
    for act in acts:
        with pytest.raises(DeniedError, match=case.denied) as caught:
            act()
        told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert KEY not in told
        assert "by-hand" not in told
        assert caught.value.__context__ is None
    assert store.read().version == held.version
    assert store.read_record() is None


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
