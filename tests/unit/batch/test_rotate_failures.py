"""Rotation with a store that is down, a rejected partner key, and a server that fails or limits the rate."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic._airflow.masking import BoundedMasker
from airflow_provider_polytomic._batch.rate_limiter import RateLimiter
from tests.batches import add_customers, assert_one_live_key_each, mints
from tests.fixtures import scene
from tests.unit.batch.harness import Run

__all__ = ["scene"]


@pytest.fixture
def rows(scene):
    return add_customers(scene, 30)


def test_a_store_that_cannot_be_written_ends_it_before_any_key_is_asked_for(scene, rows):
    scene.connections.with_name("connections.json.polytomic-issuance").write_text("in the way of every record")
    run = Run(rows, workers=4, failure_limit=5)
    summary = run.go()
    assert scene.posts == []
    assert 5 <= summary["failed"] <= 5 + 4
    assert summary["failed"] + summary["not_started"] == 30
    assert "5 targets failed with SecretStoreDeniedError" in summary["stopped"]
    assert not run.retryable


def test_a_partner_key_that_is_refused_ends_it_and_revokes_nothing(scene, rows):
    Run(rows).go()
    posts = len(scene.posts)
    scene.emulator.inject("status:403 endpoint=create_api_key times=always")
    run = Run(rows, workers=4, failure_limit=5, run_time=run_after(Run(rows)))
    summary = run.go()
    assert "5 targets failed with PolytomicForbiddenError" in summary["stopped"]
    assert 5 <= len(scene.posts) - posts <= 5 + 4
    assert not run.retryable
    assert_one_live_key_each(scene, rows)
    scene.emulator.clear_faults()
    scene.emulator.inject("forget")
    assert Run(rows, run_time=run_after(Run(rows))).go()["rotated"] == 30
    assert mints(scene, rows) == [2] * 30


def test_a_server_that_is_down_ends_it_and_a_retry_helps(scene, rows):
    # Longer than any wait, so that no request is repeated.
    scene.emulator.inject("status:503 endpoint=create_api_key retry_after=3600 times=always")
    run = Run(rows, workers=4, failure_limit=5)
    summary = run.go()
    assert "PolytomicUnavailableError" in summary["stopped"]
    assert run.retryable
    scene.emulator.clear_faults()
    assert Run(rows, retried=True).go()["rotated"] == 30
    assert mints(scene, rows) == [1] * 30


def test_customers_who_have_left_do_not_end_it(scene, rows):
    gone = [dict(row, user_id=f"00000000-0000-4000-8000-{n:012}") for n, row in enumerate(rows[::3])]
    summary = Run([*gone, *(row for n, row in enumerate(rows) if n % 3)], workers=1, failure_limit=11).go()
    assert (summary["rotated"], summary["failed"], "stopped" in summary) == (20, 10, False)


def test_a_429_to_one_holds_the_starts_of_all_for_as_long_as_it_asks(scene, rows):
    scene.emulator.inject("status:429 endpoint=create_api_key skip=3 retry_after=2")
    opened: list[bool] = []

    class Watching:
        def __init__(self, stores):
            self._stores = stores

        def open(self, destination):
            opened.append(run.limiter.pause_left > 0)
            return self._stores.open(destination)

    run = Run(rows, workers=3, retry_for=20.0, limiter=RateLimiter(), wrap_stores=Watching)
    assert run.go()["rotated"] == 30
    # Only those that were starting at that moment: two threads would have rotated all others within two seconds.
    assert sum(opened) <= 3
    assert mints(scene, rows) == [1] * 30


def test_lost_answers_of_every_kind_are_made_up_for_by_the_next_try(scene, rows):
    scene.emulator.inject("drop when=after share=0.3 seed=11 times=always")
    Run(rows, failure_limit=100, retry_for=1.2).go()
    scene.emulator.clear_faults()
    assert Run(rows, retried=True).go()["rotated"] == 30
    assert mints(scene, rows) == [1] * 30
    assert_one_live_key_each(scene, rows)


def test_thirty_two_threads_on_one_file_mix_nothing_up(scene):
    rows = add_customers(scene, 64)
    scene.put("another_teams", conn_type="http", password="untouched")
    summary = Run(rows, workers=32).go()
    assert (summary["rotated"], summary["failures"]) == (64, [])
    assert_one_live_key_each(scene, rows)
    assert scene.entries()["another_teams"] == {"conn_type": "http", "password": "untouched"}


def test_only_the_first_keys_are_registered_for_masking(scene, rows):
    masked: list[object] = []
    hide = BoundedMasker(masked.append, limit=7)
    run = Run(rows)
    run.hidden = type("Hide", (), {"append": staticmethod(hide)})()
    run.go()
    assert len(masked) == 7


def run_after(run):
    """Return the time of the run after this one."""
    return run.run_time.replace(year=run.run_time.year + 1)
