"""Is each key rotated once, stored and in use, after Airflow's own retry, whatever of Airflow was killed meanwhile?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.credentials import ApiKey
from tests.airflow_failover.cases import CASES
from tests.airflow_failover.deployment import DAG_ID
from tests.airflow_failover.run import RUN
from tools.airflow_sandbox.leak_scan import LeakScan, summary

if TYPE_CHECKING:
    from tests.airflow_failover.cases import Case
    from tests.airflow_failover.run import AirflowRun

# The first test of the run waits for all that is started.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(3600)]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_the_run_succeeds(flight: AirflowRun) -> None:
    assert flight.states is not None
    assert flight.states.run == "success"
    assert flight.states.tasks == dict.fromkeys([*(case.name for case in CASES), "call"], "success")


@each_case
def test_one_key_is_made_which_is_live_and_stored(flight: AirflowRun, case: Case) -> None:
    stage = flight.stage
    customer, emulator = stage.customers[case.name], stage.emulator
    assert emulator.minted(customer.issued_for.id) == 1
    live = emulator.live_key(customer.issued_for.id)
    assert stage.stored(case.name) == live != customer.in_use
    record = stage.record(case.name)
    assert record is not None
    assert (record.state, record.fingerprint) == ("done", ApiKey(live).fingerprint)
    assert record.target.user_id == customer.issued_for.id


@each_case
def test_a_consumer_reads_it_and_is_the_user(flight: AirflowRun, case: Case) -> None:
    called = flight.stage.airflow.xcom(DAG_ID, RUN, "call")
    assert called[case.name] == flight.stage.customers[case.name].issued_for.id


@each_case
def test_its_event_is_emitted_whichever_process_was_killed(flight: AirflowRun, case: Case) -> None:
    """Once or more often: each try that ends well tells of the key of its run."""
    stage = flight.stage
    table = "asset_event" if AIRFLOW_V_3_0_PLUS else "dataset_event"
    events = stage.airflow.query(f"select extra from {table} where source_task_id = ?", case.name)
    assert {json.loads(extra)["fingerprint"] for (extra,) in events} == {ApiKey(stage.stored(case.name)).fingerprint}


@each_case
def test_every_try_asks_for_the_same_key(flight: AirflowRun, case: Case) -> None:
    emulator, user = flight.stage.emulator, flight.stage.customers[case.name].issued_for
    posts = [request for request in emulator.received("create_api_key") if user.id in request.path]
    assert len({request.idempotency_key for request in posts}) == 1
    if case.goes_on != "alone":
        assert len(set(emulator.askers[user.id])) > 1, "nobody has tried again"
        assert flight.tries[case.name] > 1


@pytest.mark.parametrize("case", [case for case in CASES if case.standby], ids=lambda case: case.name)
def test_the_key_that_was_in_use_lives_on_beside_the_one_of_the_standby(flight: AirflowRun, case: Case) -> None:
    customer = flight.stage.customers[case.name]
    assert flight.stage.emulator.keys_of(customer.user.id) == [customer.in_use]
    assert flight.stage.emulator.minted(customer.user.id) == 0


def test_orphans_continue_while_airflow_retries(flight: AirflowRun) -> None:
    """But for those of a dead scheduler: their workers live, and may have heard that they are not wanted any more."""
    for case in CASES:
        if case.killed == "worker" or case.goes_on == "alone":
            assert case.name in flight.went_on


def test_no_key_is_in_anything_that_airflow_wrote(flight: AirflowRun) -> None:
    stage, scan = flight.stage, LeakScan(flight.stage.emulator.all_keys())
    scan.folder(stage.root, leave_out=[stage.secrets])
    scan.database(stage.airflow.database)
    scan.text("URLs", "\n".join(f"{each.path} {dict(each.query)}" for each in stage.emulator.requests))
    assert scan.findings == [], summary(scan.findings)
    assert len(list(stage.airflow.logs.rglob("attempt=*.log"))) >= len(flight.tries)
    assert scan.rows > len(CASES)


def test_nothing_is_left_of_it(flight: AirflowRun) -> None:
    assert flight.left == []
