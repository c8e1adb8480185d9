"""An error that Polytomic has recorded does not block the next run, if the cause is repaired within 24 hours.

Polytomic replays the outcome of an Idempotency-Key for 24 hours, including errors, even if the cause is repaired.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, get_args

import pytest

from airflow_provider_polytomic._issuance import Ensure, issue
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError, IssuanceRefusedError
from tests.counters import count
from tests.runs import renew
from tests.stress.fault_environment import RUN, Environment, playground, staged

from .fault_scripts import Mode, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow_provider_polytomic._issuance.reference import KeyReference

_HALF_A_DAY = timedelta(hours=12)
# A forced issuance uses three Idempotency-Keys in a try.
_RECORDED = {"create": 1, "rotate": 3, "standby": 3}


@pytest.fixture
def stage_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., object]]:
    with playground(monkeypatch) as (folder, port):
        yield lambda mode: staged(Script(mode, "nothing", ()), folder, port, over_http=True)


def run(stage: Environment, mode: Mode, at: datetime) -> KeyReference:
    """Run the DAG at its own time, and check that it stores a key."""
    return issue(
        stage.hook,
        stage.store(),
        stage.first,
        Ensure() if mode == "create" else renew(at),
        hide=lambda _: None,
        clock=stage.time.clock,
        standby=stage.other if mode == "standby" else None,
    )


def refuse(stage: Environment) -> None:
    """Make the connection's key one of a user, so that Polytomic rejects requests for keys."""
    stage.emulator._keys._keys[stage.emulator.partner_key].user_id = stage.other.user_id


def allow(stage: Environment) -> None:
    """Make the same key a partner key again."""
    stage.emulator._keys._keys[stage.emulator.partner_key].user_id = None


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("holds", [False, True], ids=["nothing stored", "an old key stored"])
@pytest.mark.parametrize("later", [timedelta(0), _HALF_A_DAY], ids=["the same run, cleared", "the next run"])
@pytest.mark.parametrize("status", [403, 500])
def test_the_next_run_succeeds_once_the_cause_is_put_right(
    stage_of: Callable[..., object], mode: Mode, status: int, *, holds: bool, later: timedelta
):
    with stage_of(mode) as stage:  # type: ignore[attr-defined]  # a context manager
        if holds:
            stage.time.now = RUN - timedelta(days=8)
            run(stage, mode, stage.time.now)
            stage.time.now = RUN
            if mode == "create":
                stage.emulator.revoke(stage.emulator.live_key(stage.first.user_id))
        before = stage.stored()
        minted = stage.emulator.minted()
        if status == 403:
            refuse(stage)
            with pytest.raises(IssuanceRefusedError, match="403"):
                run(stage, mode, RUN)
            allow(stage)
        else:
            stage.emulator.inject(f"recorded_500 endpoint=create_api_key times={_RECORDED[mode]}")
            with pytest.raises(IssuanceIncompleteError, match="500"):
                run(stage, mode, RUN)
            stage.emulator.clear_faults()
        assert stage.emulator.minted() == minted
        assert before is None or before.matches(stage.stored())
        stage.time.pass_(_HALF_A_DAY.total_seconds())
        asked = len(stage.emulator.received("create_api_key"))
        reference = run(stage, mode, RUN + later)
        statuses = [request.status for request in stage.emulator.received("create_api_key")[asked:]]
        assert statuses[-1] == 200
        # A recorded error was replayed, except for a creation, which abandons its key after a second 500.
        assert (status in statuses) == ((mode, status) != ("create", 500))
        stored = stage.stored()
        assert reference.issued
        assert stage.is_live(stored, reference.target)
        assert stage.emulator.minted() == minted + 1
    count("errors recorded by Polytomic, then put right", f"{mode} after {status}")
