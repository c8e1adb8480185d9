"""Deployment of an Airflow whose processes are killed: a Polytomic, users with keys in use, and a DAG."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._issuance.record import IssuanceRecord
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.credentials import ApiKey
from tests.airflow_failover.cases import CASES
from tests.airflow_failover.holding_emulator import HoldingEmulator
from tests.unit.fake_distribution import with_fake_distribution
from tools.airflow_sandbox.environment import local_secrets, private_folder
from tools.airflow_sandbox.process import AirflowProcess

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing import User
    from tests.airflow_failover.cases import Case
    from tests.airflow_failover.holding_emulator import Held

__all__ = ["DAG_ID", "Customer", "Deployment"]

DAG_ID = "failover"
A_WEEK_AGO = datetime.now(UTC) - timedelta(days=7)
# By default, Airflow detects tasks without a worker or scheduler after five minutes. A shorter time than this is too
# short: healthy processes send a heartbeat every 5 s, but on two busy cores it took up to 13 s.
FAST_DETECTION = {
    # For a task, on 3.x and on 2.11.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "30",
    "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "2",
    # For a scheduler.
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "2",
    # All tasks are in the window at the same time, and Airflow detects killed ones late.
    "AIRFLOW__CORE__PARALLELISM": str(len(CASES) + 2),
}


@dataclass(frozen=True)
class Customer:
    """Customer of a case.

    :param user: the user whose key is in use.
    :param issued_for: the user whose key is issued: the same user, or the standby.
    :param in_use: the key that is stored before.
    :param held: the process that is paused in the window.
    """

    case: Case
    user: User
    issued_for: User
    in_use: str
    held: Held


class Deployment:
    """Everything that one Airflow needs; only the emulator is started.

    :param root: folder of the deployment; secrets are only below ``root/secrets``.
    :param database: a migrated metadata database, which is copied.
    """

    def __init__(self, root: Path, database: Path) -> None:
        self.root = private_folder(root)
        self.secrets = self.root / "secrets"
        self.emulator = HoldingEmulator("pk_live_partner_" + secrets.token_hex(16))
        self.emulator.start()
        self._settings = local_secrets(self.secrets)
        self._connections = self.secrets / "connections.json"
        self.customers = {case.name: self._customer(case) for case in CASES}
        self._store({name: self._connection(customer.in_use) for name, customer in self.customers.items()})
        self.airflow = self._airflow(database)

    def close(self) -> None:
        """Stop the emulator; its state stays readable."""
        self.emulator.stop()

    def start_scheduler_again(self) -> None:
        """Start another scheduler, which writes to the same console."""
        airflow = self.airflow
        command = [sys.executable, "-m", "airflow", "scheduler", "--skip-serve-logs"]
        airflow.group.start("scheduler", command, env=airflow.env, console=airflow.consoles / "scheduler.log")

    def stored(self, name: str) -> str:
        """Return the key that consumers of the customer's connection get."""
        key: str = json.loads(self._connections.read_text())[name]["password"]
        return key

    def record(self, name: str) -> IssuanceRecord | None:
        """Return the record of the customer's connection."""
        file = self._record_file(name)
        return IssuanceRecord.parse(json.loads(file.read_text()) if file.exists() else None, place=name)

    def _customer(self, case: Case) -> Customer:
        """Return a new customer whose key was issued here a week ago; the standby's key is older and no longer used."""
        organization = self.emulator.add_organization(case.name)
        user = issued_for = self.emulator.add_user(organization.id, f"one@{case.name}.example")
        in_use = self.emulator.give_key(user.id)
        if case.standby:
            issued_for = self.emulator.add_user(organization.id, f"other@{case.name}.example")
            self.emulator.give_key(issued_for.id)
        record = IssuanceRecord(
            state="done",
            issuance_id=str(uuid.uuid4()),
            forced=True,
            idempotency_keys_used=1,
            opened_at=A_WEEK_AGO,
            previous_fingerprint="absent",
            target=Target(organization.id, user.id),
            fingerprint=ApiKey(in_use).fingerprint,
            issued_at=A_WEEK_AGO,
        )
        file = self._record_file(case.name)
        private_folder(file.parent)
        file.write_text(json.dumps(record.to_mapping()))
        return Customer(case, user, issued_for, in_use, self.emulator.hold(issued_for.id, case.moment))

    def _record_file(self, name: str) -> Path:
        return self.secrets / f"{self._connections.name}.polytomic-issuance" / f"connection.{name}.json"

    def _store(self, entries: dict[str, Any]) -> None:
        self._connections.write_text(json.dumps(entries))

    def _connection(self, key: str, **more: Any) -> dict[str, Any]:
        return {"conn_type": "polytomic", "host": self.emulator.base_url, "password": key, **more}

    def _airflow(self, database: Path) -> AirflowProcess:
        # A paused process must not time out.
        issuing = self._connection(self.emulator.partner_key, extra={"timeout": 600})
        env = {
            **self._settings,
            **FAST_DETECTION,
            "AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(issuing),
            "PYTHONPATH": with_fake_distribution(private_folder(self.root / "metadata"))["PYTHONPATH"],
            # Temporary files are scanned, too.
            "TMPDIR": str(private_folder(self.root / "tmp")),
        }
        airflow = AirflowProcess(self.root / "airflow", dags_folder=self._dags(), env=env)
        shutil.copy(database, airflow.database)
        return airflow

    def _dags(self) -> Path:
        dags = private_folder(self.root / "dags")
        shutil.copy(Path(__file__).parent / "dags" / "failover.py", dags)
        (dags / "failover.json").write_text(json.dumps({name: _given(each) for name, each in self.customers.items()}))
        return dags


def _given(customer: Customer) -> dict[str, str]:
    """Return the arguments of the operator."""
    standby = {"standby_user_id": customer.issued_for.id} if customer.case.standby else {}
    return {
        "org_id": customer.user.organization_id,
        "user_id": customer.user.id,
        "destination": f"airflow://connection/{customer.case.name}",
        **standby,
    }
