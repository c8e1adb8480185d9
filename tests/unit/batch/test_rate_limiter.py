"""Rate and pauses of the starts of targets, and the stop signal."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from airflow_provider_polytomic._batch.rate_limiter import RateLimiter, StopSignal


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def starts_within(limiter: RateLimiter, clock: Clock, seconds: float) -> list[float]:
    """Start targets as soon as allowed, for a number of seconds, and return the times."""
    began, starts = clock.now, []
    while clock.now + limiter.delay < began + seconds:
        clock.now += limiter.delay
        starts.append(clock.now - began)
        limiter.record_start()
    return starts


@pytest.mark.parametrize("per_second", [0.5, 4, 200])
@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_starts_are_as_far_apart_as_the_rate_and_chance_have_it(per_second, chance):
    clock = Clock()
    starts = starts_within(RateLimiter(per_second, clock=clock, jitter=lambda: chance), clock, 20)
    gaps = {round(later - earlier, 6) for earlier, later in pairwise(starts)}
    assert gaps == {round((0.5 + chance) / per_second, 6)}


def test_unused_capacity_does_not_accumulate():
    clock = Clock()
    limiter = RateLimiter(2, clock=clock, jitter=lambda: 0.5)
    limiter.record_start()
    clock.now += 60
    assert len(starts_within(limiter, clock, 5)) == 10


def test_without_a_rate_nothing_waits():
    limiter = RateLimiter(clock=Clock())
    for _ in range(1000):
        limiter.record_start()
        assert limiter.delay == 0


def test_a_pause_holds_all_starts_for_at_least_as_long_as_asked():
    clock = Clock()
    draws = iter([0.0, 0.999])
    for _ in range(2):
        limiter = RateLimiter(clock=clock, jitter=lambda: next(draws))
        limiter.pause(30)
        assert 30 <= limiter.delay <= 33
        assert limiter.pause_left == limiter.delay


@pytest.mark.parametrize(("asked", "waited"), [([2, 30, 0, 1], 30), ([0], 1), ([86_400], 900)])
def test_the_longest_pause_counts_from_a_second_to_a_quarter_of_an_hour(asked, waited):
    limiter = RateLimiter(clock=Clock(), jitter=lambda: 0.0)
    for seconds in asked:
        limiter.pause(seconds)
    assert limiter.delay == waited


def test_a_stop_signal_wakes_a_sleeping_thread():
    asked = threading.Event()
    stop = StopSignal(asked.is_set)
    sleeper = threading.Thread(target=stop.sleep, args=(600,), daemon=True)
    sleeper.start()
    asked.set()
    sleeper.join(timeout=30)
    assert not sleeper.is_alive()
    assert stop()
