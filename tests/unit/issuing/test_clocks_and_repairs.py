"""What of a clock that was wrong, and of a store that breaks while consumers are cut off?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_polytomic.exceptions import IssuanceIncompleteError, MisconfiguredError
from airflow_provider_polytomic.issuing import Ensure, Renew

from .bench import MONDAY, TUESDAY, Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_record_from_the_future_does_not_end_all_renewals(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.hold(issued_at=MONDAY + timedelta(days=3650))
    assert bench.issue(Renew(MONDAY)).issued
    assert "is yet to come" in caplog.text
    assert bench.store.parsed.issued_at == bench.clock.now


def test_clocks_that_differ_by_hours_renew_nothing_twice(bench: Bench) -> None:
    bench.hold(issued_at=MONDAY + timedelta(hours=20))
    assert not bench.issue(Renew(MONDAY)).issued


def test_a_store_that_breaks_while_a_forced_issuance_is_open_is_tried_again(bench: Bench) -> None:
    bench.hold("old-key", owner=None)
    bench.record(forced=True)
    bench.store.order("read", MisconfiguredError("somebody is editing the file"))
    with pytest.raises(IssuanceIncompleteError, match="somebody is editing the file"):
        bench.issue(Renew(TUESDAY))
    assert bench.issue(Renew(TUESDAY)).issued


@pytest.mark.parametrize("mode", [Ensure(), Renew(MONDAY)])
def test_a_store_that_is_broken_before_anything_was_begun_is_said_as_it_is(bench: Bench, mode: Ensure | Renew) -> None:
    bench.store.order("read", MisconfiguredError("no such file"))
    with pytest.raises(MisconfiguredError, match="no such file"):
        bench.issue(mode)
    assert bench.vendor.posts == []
