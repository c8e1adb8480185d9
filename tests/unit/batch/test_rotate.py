"""Rotation of many keys over real HTTP, in real threads, with Airflow's local secrets backend."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from airflow_provider_polytomic._batch.rate_limiter import StopSignal
from airflow_provider_polytomic.exceptions import PolytomicUnauthorizedError
from tests.batches import add_customers, assert_one_live_key_each, mints
from tests.fixtures import scene
from tests.unit.batch.harness import TOMORROW, Run

__all__ = ["scene"]

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def rows(scene):
    """Twelve customers."""
    return add_customers(scene, 12)


def test_every_key_is_issued_stored_and_reported_once(scene, rows):
    run = Run(rows)
    summary = run.go()
    assert (summary["rotated"], summary["failed"], summary["not_started"]) == (12, 0, 0)
    assert_one_live_key_each(scene, rows)
    assert sorted(run.new_keys_of) == sorted(row["user_id"] for row in rows)
    assert {key.fingerprint for key in run.hidden} == {r["fingerprint"] for r in records(scene, rows)}
    assert "12 of 12 targets (100 %): 12 rotated" in run.lines[-1]


@pytest.mark.parametrize(("retried", "status"), [(False, "kept"), (True, "rotated")])
def test_the_same_run_again_issues_nothing_and_a_retry_reports_what_the_first_try_did(scene, rows, retried, status):
    Run(rows).go()
    again = Run(rows, retried=retried)
    assert again.go()[status] == 12
    assert len(again.new_keys_of) == (12 if retried else 0)
    assert len(scene.posts) == 12


def test_standby_users_take_turns(scene, rows):
    for row in rows:
        row["standby_user_id"] = scene.emulator.add_user(row["org_id"], "standby@customer.example").id
    for week in range(2):
        assert Run(rows, TOMORROW + timedelta(days=7 * week)).go()["rotated"] == 12
    for row in rows:
        stored = scene.stored(row["destination"].rpartition("/")[2])
        assert stored == scene.emulator.live_key(row["standby_user_id"])
        assert scene.emulator.minted(row["user_id"]) == 1
        assert len(scene.emulator.keys_of(row["user_id"])) == 1, "the previous key still works"


def test_a_target_that_fails_stops_none_of_the_others_and_a_later_run_does_only_what_is_left(scene, rows):
    wrong = dict(rows[5], user_id=NOBODY)
    run = Run([*rows[:5], wrong, *rows[6:]])
    summary = run.go()
    assert (summary["rotated"], summary["failed"], "stopped" in summary) == (11, 1, False)
    assert summary["failures"][0]["user_id"] == NOBODY
    assert not run.retryable
    scene.emulator.inject("forget")
    assert Run(rows).go()["rotated"] == 1
    assert mints(scene, rows) == [1] * 12


def test_only_checking_issues_nothing_and_asks_once_who_the_caller_is(scene, rows):
    Run(rows[:5]).go()
    before, asked = scene.entries(), len(callers_asked(scene))
    summary = Run(rows, check_only=True).go()
    assert (summary["due"], summary["kept"], summary["rotated"]) == (7, 5, 0)
    assert scene.entries() == before
    assert len(callers_asked(scene)) - asked == 1
    assert len(scene.posts) == 5


def test_only_checking_ends_at_once_where_the_caller_is_unknown(scene, rows):
    scene.emulator.revoke(scene.emulator.partner_key)
    with pytest.raises(PolytomicUnauthorizedError):
        Run(rows, check_only=True).go()
    assert len(scene.emulator.requests) == 1


class Defective:
    """Stores, one of which raises an unexpected error."""

    def __init__(self, stores, error):
        self._stores, self._error = stores, error

    def open(self, destination):
        if destination.name == "customer_7_api_key":
            raise self._error
        return self._stores.open(destination)


@pytest.mark.parametrize("error", [KeyError("hunter2"), SystemExit("hunter2"), RecursionError("hunter2")])
def test_a_defect_fails_one_target_and_its_text_is_not_shown(scene, rows, error, caplog):
    run = Run(rows, wrap_stores=lambda stores: Defective(stores, error))
    summary = run.go()
    assert (summary["rotated"], summary["failed"]) == (11, 1)
    assert summary["failures"][0]["error"] == type(error).__name__
    assert run.retryable
    assert "hunter2" not in json.dumps(summary) + caplog.text
    assert "test_rotate.py" in caplog.text, "the log names the line that raised it"


def test_at_most_so_many_are_under_way_and_all_of_them_are_used(scene, rows):
    busy, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    class Counting:
        def __init__(self, stores):
            self._stores = stores

        def open(self, destination):
            nonlocal busy, most
            with lock:
                busy += 1
                most = max(most, busy)
            together.wait(timeout=60)
            with lock:
                busy -= 1
            return self._stores.open(destination)

    assert Run(rows, workers=3, wrap_stores=Counting).go()["rotated"] == 12
    assert most == 3


def test_where_the_system_allows_too_few_threads_nothing_is_asked_for_and_no_thread_is_left(scene, rows, monkeypatch):
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def limited(thread):
        if thread.name.startswith("polytomic-batch"):
            if len(started) == 3:
                raise RuntimeError("can't start new thread")  # as with a container's limit of processes
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        Run(rows, workers=8).go()
    assert scene.posts == []
    assert threads_left() == []


def test_asked_to_end_it_starts_nothing_more_and_stores_what_was_issued(scene, rows):
    answered = threading.Event()
    scene.emulator.inject("delay:0.5 endpoint=create_api_key times=always")

    class Asked:
        """A hook whose first POST makes Airflow stop the task."""

        def __init__(self, hook):
            self._hook = hook

        def __getattr__(self, name):
            if name == "create_api_key":
                answered.set()
            return getattr(self._hook, name)

    summary = Run(rows, workers=2, stop=StopSignal(answered.is_set), wrap_hook=Asked).go()
    assert 1 <= summary["rotated"] <= 2
    assert summary["rotated"] + summary["not_started"] == 12
    minted = [row for row, count in zip(rows, mints(scene, rows), strict=True) if count]
    assert_one_live_key_each(scene, minted)
    assert Run(rows).go()["failed"] == 0
    assert mints(scene, rows) == [1] * 12


def test_what_is_raised_in_the_calling_thread_gets_through_once_all_that_was_issued_is_stored(scene, rows):
    class TerminatedError(BaseException):
        """An exception like that of Airflow 2.11's signal handler."""

    run = Run(rows, workers=2)
    scene.emulator.inject("delay:0.3 endpoint=get_identity times=4")

    def raise_it(_user):
        raise TerminatedError

    run.new_keys_of = type("NewKeys", (), {"append": staticmethod(raise_it)})()
    with pytest.raises(TerminatedError):
        run.go()
    minted = [row for row, count in zip(rows, mints(scene, rows), strict=True) if count]
    assert 1 <= len(minted) <= 4
    assert_one_live_key_each(scene, minted)
    assert run.summary["not_started"] == 12 - len(minted)


def records(scene, rows):
    folder = scene.connections.with_name("connections.json.polytomic-issuance")
    return [json.loads(file.read_text()) for file in folder.iterdir()]


def threads_left():
    return [thread.name for thread in threading.enumerate() if "polytomic-batch" in thread.name]


def callers_asked(scene):
    partner = scene.emulator.partner_key
    return [each for each in scene.emulator.received("get_identity") if partner in each.headers["authorization"]]
