"""Rotations whose Airflow is killed: after the retry, each key is rotated once, stored and in use."""

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

# The first test waits until the run has ended.
pytestmark = [pytest.mark.airflow_running, pytest.mark.timeout(3600)]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_the_run_succeeds(airflow_run: AirflowRun) -> None:
    assert airflow_run.states is not None
    assert airflow_run.states.run == "success"
    assert airflow_run.states.tasks == dict.fromkeys([*(case.name for case in CASES), "call"], "success")


@each_case
def test_one_key_is_made_which_is_live_and_stored(airflow_run: AirflowRun, case: Case) -> None:
    deployment = airflow_run.deployment
    customer, emulator = deployment.customers[case.name], deployment.emulator
    assert emulator.minted(customer.issued_for.id) == 1
    live = emulator.live_key(customer.issued_for.id)
    assert deployment.stored(case.name) == live != customer.in_use
    record = deployment.record(case.name)
    assert record is not None
    assert (record.state, record.fingerprint) == ("done", ApiKey(live).fingerprint)
    assert record.target.user_id == customer.issued_for.id


@each_case
def test_a_consumer_reads_it_and_is_the_user(airflow_run: AirflowRun, case: Case) -> None:
    called = airflow_run.deployment.airflow.xcom(DAG_ID, RUN, "call")
    assert called[case.name] == airflow_run.deployment.customers[case.name].issued_for.id


@each_case
def test_its_event_is_emitted_whichever_process_was_killed(airflow_run: AirflowRun, case: Case) -> None:
    """Each try that succeeds emits the event, so there can be several."""
    deployment = airflow_run.deployment
    table = "asset_event" if AIRFLOW_V_3_0_PLUS else "dataset_event"
    events = deployment.airflow.query(f"select extra from {table} where source_task_id = ?", case.name)
    assert {json.loads(extra)["fingerprint"] for (extra,) in events} == {
        ApiKey(deployment.stored(case.name)).fingerprint
    }


@each_case
def test_every_try_asks_for_the_same_key(airflow_run: AirflowRun, case: Case) -> None:
    emulator, user = airflow_run.deployment.emulator, airflow_run.deployment.customers[case.name].issued_for
    posts = [request for request in emulator.received("create_api_key") if user.id in request.path]
    assert len({request.idempotency_key for request in posts}) == 1
    if case.continues != "alone":
        assert len(set(emulator.askers[user.id])) > 1, "there was no other try"
        assert airflow_run.tries[case.name] > 1


@pytest.mark.parametrize("case", [case for case in CASES if case.standby], ids=lambda case: case.name)
def test_the_key_that_was_in_use_lives_on_beside_the_one_of_the_standby(airflow_run: AirflowRun, case: Case) -> None:
    customer = airflow_run.deployment.customers[case.name]
    assert airflow_run.deployment.emulator.keys_of(customer.user.id) == [customer.in_use]
    assert airflow_run.deployment.emulator.minted(customer.user.id) == 0


def test_orphans_continue_while_airflow_retries(airflow_run: AirflowRun) -> None:
    """Orphans of a killed scheduler are excluded: their workers still run, and may have been told to stop them."""
    for case in CASES:
        if case.killed == "worker" or case.continues == "alone":
            assert case.name in airflow_run.continued


def test_no_key_is_in_anything_that_airflow_wrote(airflow_run: AirflowRun) -> None:
    deployment, scan = airflow_run.deployment, LeakScan(airflow_run.deployment.emulator.all_keys())
    scan.folder(deployment.root, leave_out=[deployment.secrets])
    scan.database(deployment.airflow.database)
    scan.text("URLs", "\n".join(f"{each.path} {dict(each.query)}" for each in deployment.emulator.requests))
    assert scan.findings == [], summary(scan.findings)
    assert len(list(deployment.airflow.logs.rglob("attempt=*.log"))) >= len(airflow_run.tries)
    assert scan.rows > len(CASES)


def test_nothing_is_left_of_it(airflow_run: AirflowRun) -> None:
    assert airflow_run.left == []
