"""When a key is due: its age counts from run to run, whatever the clocks say."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_polytomic._issuance import Ensure, Rotate
from airflow_provider_polytomic._issuance.record import Run
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    PolytomicConfigurationError,
    PolytomicConnectionError,
)
from tests.reasons import raises
from tests.runs import renew, run_at
from tests.unit.issuance.harness import MONDAY, TARGET, Harness

DAY, WEEK = timedelta(days=1), timedelta(days=7)


class Try(NamedTuple):
    """One try of a run's task.

    :param run: days from Monday to the run's own time.
    :param at: days from Monday to the try, by Polytomic's clock; by default a minute after the run's time.
    :param dag: whose run it is.
    """

    run: float
    ends: str
    at: float | None = None
    dag: str = "rotate"


def weekly(*ends: str) -> list[Try]:
    return [Try(7 * number, each) for number, each in enumerate(ends)]


@pytest.mark.parametrize(
    ("max_age", "tries"),
    [
        pytest.param(WEEK, weekly("issued", "issued", "issued"), id="weekly"),
        pytest.param(
            WEEK,
            [Try(0, "issued", at=0.9), Try(7, "issued", at=7.0001), Try(14, "issued", at=14.5), Try(21, "issued")],
            id="weekly, some hours late",
        ),
        pytest.param(WEEK, [Try(day, "kept" if day % 7 else "issued") for day in range(15)], id="daily"),
        pytest.param(DAY, [Try(hour / 24, "kept" if hour % 24 else "issued") for hour in range(49)], id="hourly"),
        pytest.param(
            WEEK,
            [Try(0, "issued", dag="by hand"), Try(6.9999, "kept", dag="by hand"), Try(7.0001, "issued", dag="by hand")],
            id="by hand",
        ),
        pytest.param(WEEK, [Try(0, "issued"), Try(0, "kept", at=0.1), Try(0, "kept", at=1.5)], id="retries"),
        pytest.param(WEEK, [Try(0, "issued"), Try(0, "kept", at=30), Try(7, "issued", at=30)], id="clears this run"),
        pytest.param(
            WEEK,
            [*weekly("issued", "issued"), Try(0, "kept", at=8), Try(7, "kept", at=8), Try(14, "issued")],
            id="clears an older run",
        ),
        pytest.param(
            WEEK,
            [Try(0, "issued"), Try(-28, "kept", at=1, dag="backfill"), Try(-7, "kept", at=2), Try(7, "issued")],
            id="a backfill beside a recent key",
        ),
        pytest.param(
            WEEK,
            [
                Try(-28, "issued"),
                Try(-14, "issued", at=1, dag="backfill"),
                Try(-7, "kept", at=1.1, dag="backfill"),
                Try(-14, "kept", at=1.2, dag="backfill"),
                Try(7, "kept"),
                Try(14, "issued"),
            ],
            id="a backfill that rotates",
        ),
        pytest.param(
            WEEK, [Try(0, "issued", at=3), Try(7, "kept"), Try(14, "issued")], id="a run that was cleared days later"
        ),
        pytest.param(
            WEEK,
            [Try(30, "issued", at=0), Try(30, "kept", at=0.1), Try(7, "issued"), Try(30, "issued", at=30)],
            id="a run whose time lies ahead",
        ),
        pytest.param(
            timedelta(0),
            [
                *weekly("issued", "issued"),
                Try(7, "kept", at=7.5),
                Try(0, "kept", at=8),
                Try(7, "issued", at=8, dag="another"),
            ],
            id="once a run",
        ),
    ],
)
def test_a_key_is_due_when_the_time_between_two_runs_is_its_age(harness: Harness, max_age, tries):
    ends = []
    for each in tries:
        harness.time.now = MONDAY + timedelta(days=each.run, minutes=1) if each.at is None else MONDAY + each.at * DAY
        mode = Rotate(run_at(MONDAY + each.run * DAY, each.dag), max_age)
        ends.append("issued" if harness.issue(mode).issued else "kept")
    assert ends == [each.ends for each in tries]


@pytest.mark.parametrize("hours", [-20, 0, 20])
def test_a_clock_of_polytomics_that_is_hours_wrong_changes_nothing(harness: Harness, hours):
    for week in range(3):
        harness.time.now = MONDAY + week * WEEK + timedelta(hours=hours)
        assert harness.issue(renew(MONDAY + week * WEEK, WEEK)).issued
        assert harness.store.parsed.issued_at == harness.time.now


@pytest.mark.parametrize("max_age", [timedelta(hours=25), WEEK])
def test_a_clock_of_polytomics_that_is_days_slow_has_no_working_key_rotated(harness: Harness, max_age):
    for hour in range(4):
        time = MONDAY + timedelta(hours=hour)
        harness.time.now = time - 8 * DAY
        assert harness.issue(renew(time, max_age)).issued is (hour == 0)


def test_a_key_that_is_kept_because_polytomics_clock_is_days_fast_is_reported(harness: Harness, caplog) -> None:
    harness.time.now = MONDAY + 3 * DAY
    assert harness.issue(renew(MONDAY)).issued
    harness.time.now += DAY
    assert harness.issue(renew(MONDAY + DAY)).issued is False
    assert "after this DAG run" in caplog.text


def test_a_record_from_the_future_does_not_end_all_rotations(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.hold(issued_at=MONDAY + timedelta(days=3650))
    assert harness.issue(renew(MONDAY)).issued
    assert "in the future" in caplog.text
    assert harness.store.parsed.issued_at == harness.time.now


def test_a_run_whose_time_lies_ahead_is_reported(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    harness.issue(renew(MONDAY + timedelta(hours=20)))
    assert "lies ahead" not in caplog.text
    harness.issue(renew(MONDAY + 2 * DAY))
    assert "is dated after Polytomic's clock" in caplog.text


def test_a_time_that_polytomic_does_not_tell_ends_the_try_before_anything_is_written(harness: Harness) -> None:
    harness.polytomic.order("server_time", PolytomicConnectionError("the connection was lost"))
    with raises(IssuanceIncompleteError, "server_time_unknown"):
        harness.issue(renew(MONDAY))
    assert (harness.polytomic.posts, harness.store.record) == ([], None)
    assert harness.issue(renew(MONDAY)).issued


def test_an_error_that_no_retry_can_help_is_raised_as_it_is_before_anything_was_written(harness: Harness) -> None:
    harness.polytomic.order("server_time", PolytomicConfigurationError("Unknown certificate.", fields=["verify"]))
    with pytest.raises(PolytomicConfigurationError) as caught:
        harness.issue(renew(MONDAY))
    assert (caught.value.fields, harness.polytomic.posts, harness.store.record) == (("verify",), [], None)


@pytest.mark.parametrize(("zone", "ends"), [("UTC", "kept"), ("Europe/Berlin", "issued")])
def test_a_week_that_loses_an_hour_to_daylight_saving_time_is_a_week(harness: Harness, zone, ends):
    berlin = ZoneInfo("Europe/Berlin")
    for monday in (22, 29):  # in between, on 28 March 2027, the clocks go forward
        time = MONDAY.replace(year=2027, month=3, day=monday, tzinfo=berlin).astimezone(MONDAY.tzinfo)
        harness.time.now = time
        reference = harness.issue(Rotate(Run(run_at(time).id, time, ZoneInfo(zone)), WEEK))
    assert reference.issued is (ends == "issued")


@pytest.mark.parametrize("created_in", [None, run_at(MONDAY)], ids=["outside of a run", "in the same run"])
def test_a_key_that_a_create_task_issued_ages_like_any_other(harness: Harness, created_in):
    harness.issue(Ensure(created_in))
    record = harness.store.parsed
    assert (record.issued_at, record.run) == (harness.time.now, created_in)
    assert harness.issue(renew(MONDAY)).issued is False
    assert harness.issue(renew(MONDAY + 6 * DAY, WEEK)).issued is False
    assert harness.issue(renew(MONDAY + 8 * DAY, WEEK)).issued


@pytest.mark.parametrize("first", ["older", "newer"])
def test_of_two_runs_that_join_the_newer_one_issues(harness: Harness, first):
    older, newer = renew(MONDAY), renew(MONDAY + WEEK)
    one, other = (older, newer) if first == "older" else (newer, older)
    harness.record(target=TARGET, run=one.run)
    harness.time.now = MONDAY + WEEK
    assert harness.issue(other).issued
    assert harness.store.parsed.run == newer.run
    for cleared in (older, newer):
        assert harness.issue(cleared).issued is False
    assert len(harness.polytomic.posts) == 1
