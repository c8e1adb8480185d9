"""What stands ready before an Airflow starts? An emulated Polytomic, a user for each case, secrets, DAGs, settings."""

from __future__ import annotations

import json
import re
import shutil
import secrets as randomness
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing import Fault, PolytomicEmulator
from airflow_provider_polytomic.testing import User
from demo.airflow_environment import local_secrets, private_folder
from demo.airflow_process import AirflowProcess
from tests.integration.running.cases import CASES, PARTNER_KEY, SOMEBODY_ELSE, Case
from tests.integration.running.meddling_backend import DATABASE_PASSWORD
from tests.unit.fake_distribution import ROOT, with_fake_distribution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXAMPLES", "Stage"]

EXAMPLES = ("polytomic_issue_api_key", "polytomic_issue_many_api_keys")
MEDDLING = "tests.integration.running.meddling_backend.MeddlingBackend"
NO_TRAP = {"closed": 0o000}
# A play key with everything that JSON, URLs and Python write in another way, and a plain piece.
PARTNER = 'pk_live_partner/Q+z"7Lw\\c2Vd%Xn8tRbY4' + randomness.token_hex(8)


class Stage:
    """Everything that one Airflow of the tests needs; nothing is started but the emulator.

    :param root: the folder for all of it; secrets are below ``root/secrets`` and nowhere else.
    :param log_level: of Airflow.
    :param database: a migrated metadata database, which is copied.
    :param cases: the issuances to run.
    """

    def __init__(self, root: Path, log_level: str, database: Path, cases: Sequence[Case]) -> None:
        self.root, self.log_level, self.cases = private_folder(root), log_level, cases
        self.secrets = self.root / "secrets"
        self.canary = 'Canary/q+9"\\z%' + randomness.token_hex(16)
        self.emulator = PolytomicEmulator(PARTNER).start()
        self.organization = self.emulator.add_organization("Acme")
        self.users = {name: self._user(name) for name in ("example", "mapped", "renewal", *(c.name for c in cases))}
        self.airflow = self._airflow(database)
        for case in cases:
            for fault in case.faults:
                self.emulator.inject(self._aimed(case, fault))

    def close(self) -> None:
        """Stop the emulator."""
        self.emulator.stop()

    def ids(self, name: str) -> dict[str, str]:
        """Return the ids of one user, as an operator takes them."""
        return {"org_id": self.organization.id, "user_id": self.users[name].id}

    def conf(self, example: str) -> dict[str, Any]:
        """Return the parameters that an example DAG is run with."""
        if example == "polytomic_issue_api_key":
            return self.ids("example")
        nobody = {"name": "nobody", **self.ids("mapped"), "user_id": "00000000-0000-4000-8000-000000000000"}
        return {"customers": [{"name": "mapped", **self.ids("mapped")}, nobody]}

    def key_at(self, conn_id: str, trap: str | None = None) -> str | None:
        """Return the password of a connection in the secrets file of Airflow, or of a trap."""
        content: dict[str, Any] = json.loads(self._file(conn_id if trap else None).read_text())
        password: str | None = content.get(conn_id, {}).get("password")
        return password

    def posts(self, user_id: str) -> int:
        """Count the requests for a key of a user."""
        return sum(f"/users/{user_id}/keys" in request.path for request in self.emulator.requests)

    def _user(self, name: str) -> User:
        return self.emulator.add_user(self.organization.id, f"{name}@acme.example")

    def _aimed(self, case: Case, fault: Fault) -> Fault:
        known = {PARTNER_KEY: json.dumps(PARTNER)[1:-1], SOMEBODY_ELSE: self.users["example"].id}
        body = fault.body
        for name, text in known.items():
            body = body and body.replace(name, text)
        return replace(fault, user=self.users[case.name].id, body=body)

    def _file(self, case: str | None) -> Path:
        return self.secrets / (f"of_{case}" if case else "") / "connections.json"

    def _airflow(self, database: Path) -> AirflowProcess:
        partner = {"conn_type": "polytomic", "host": self.emulator.base_url, "password": PARTNER}
        env = local_secrets(self.secrets) | {
            "AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(partner),
            "LEAK_CANARY": self.canary,
            "PYTHONPATH": with_fake_distribution(private_folder(self.root / "metadata"))["PYTHONPATH"],
            # So that what anybody leaves in a temporary file is scanned too.
            "TMPDIR": str(private_folder(self.root / "tmp")),
        }
        foreign = {"conn_type": "postgres", "host": "db.example", "password": DATABASE_PASSWORD}
        self._file(None).write_text(json.dumps({"warehouse": foreign}))
        airflow = AirflowProcess(
            self.root / "airflow", dags_folder=self._dags(), log_level=self.log_level, env=env
        )
        shutil.copy(database, airflow.database)
        return airflow

    def _dags(self) -> Path:
        dags = private_folder(self.root / "dags")
        for example in EXAMPLES:
            shutil.copy(ROOT / "dags_examples" / f"{example}.py", dags)
        shutil.copy(Path(__file__).parent / "dags" / "leak_cases.py", dags)
        told = {
            "cases": [self._arguments(case) for case in self.cases],
            "readable": {"issued": "airflow://connection/issued", "issued_as_variable": "airflow://variable/leaks_api_key"},
            "renewal": {**self.ids("renewal"), "destination": "airflow://connection/renewal"},
        }
        (dags / "leak_cases.json").write_text(json.dumps(told))
        return dags

    def _arguments(self, case: Case) -> dict[str, Any]:
        settings = None
        if case.trap == "none":
            settings = {}
        elif case.trap:
            folder = self._file(case.name).parent
            settings = local_secrets(folder)
            kwargs = {**json.loads(settings["AIRFLOW__SECRETS__BACKEND_KWARGS"]), "moment": case.trap}
            settings = {"AIRFLOW__SECRETS__BACKEND": MEDDLING, "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs)}
            self._file(case.name).write_text(json.dumps(case.entries))
            if case.denied:
                self._file(case.name).chmod(0o000)
        return {
            "task_id": case.name,
            "destination": f"airflow://connection/{case.name}",
            **self.ids(case.name),
            **case.given,
            "settings": settings,
            "denied": case.denied,
        }
