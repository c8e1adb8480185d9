"""Deployment of an Airflow: an emulated Polytomic with a user for each case, secrets, DAGs and settings."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet

from tests.airflow.cases import OTHER_USER, PARTNER_KEY
from tests.airflow.interrupted_emulator import InterruptedEmulator
from tests.airflow.store_cases import STORES
from tests.dag_files import for_this_airflow
from tests.dag_runs.interfering_backend import DATABASE_PASSWORD
from tests.dag_runs.secrets_settings import meddling
from tests.unit.fake_distribution import ROOT, with_fake_distribution
from tools.airflow_sandbox.environment import local_secrets, private_folder
from tools.airflow_sandbox.process import AirflowProcess

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_polytomic.testing import Fault, User
    from tests.airflow.cases import Case
    from tests.dag_runs.servers import Servers

__all__ = [
    "CARELESS",
    "EXAMPLES",
    "GLOBEX",
    "ISSUE",
    "ISSUE_MANY",
    "MANY",
    "OFFBOARDING",
    "ONBOARDING",
    "ONBOARDING_MANY",
    "RESTART",
    "SELF_CHECK",
    "Deployment",
]

ISSUE, ISSUE_MANY = "polytomic_issue_api_key", "polytomic_issue_many_api_keys"
ONBOARDING, ONBOARDING_MANY = "polytomic_onboarding", "polytomic_onboarding_many"
OFFBOARDING, SELF_CHECK = "polytomic_offboarding", "polytomic_self_check"
# An event triggers it.
RESTART = "polytomic_restart_on_new_key"
EXAMPLES = (ISSUE, ISSUE_MANY, ONBOARDING, ONBOARDING_MANY, OFFBOARDING, SELF_CHECK, RESTART)
# Tasks that use the keys of these cases, and print all they can.
CARELESS = {
    "issued": ["issued"],
    "issued_as_variable": ["issued_as_variable"],
    "stores": [f"{case}_on_{store}" for store in STORES for case in ("issued", "outside")],
}
GLOBEX = {
    "organization": "Globex",
    "email": "Scorpio@Globex.example",
    "role": "Sync Editor",
    "destination": "airflow://connection/globex_polytomic",
}
MANY = [
    {"name": name, "organization": f"{name} Ltd", "email": f"ada@{name}.example", "role": "Viewer"}
    for name in ("hooli", "initech")
]
FOREIGN = {"conn_type": "postgres", "host": "db.example", "password": DATABASE_PASSWORD}
# A test key with characters that JSON, URLs and Python escape, and a part without them.
PARTNER = 'pk_live_partner/Q+z"7Lw\\c2Vd%Xn8tRbY4' + secrets.token_hex(8)


class Deployment:
    """Everything that one Airflow of the tests needs; only the emulator is started.

    :param root: folder of the deployment; secrets are only below ``root/secrets``.
    :param log_level: log level of Airflow.
    :param database: a migrated metadata database, which is copied.
    :param cases: the issuances to run.
    :param servers: servers of the external stores.
    """

    def __init__(self, root: Path, log_level: str, database: Path, cases: Iterable[Case], servers: Servers) -> None:
        self.root, self.log_level = private_folder(root), log_level
        self.cases = {case.name: case for case in cases}
        self.secrets = self.root / "secrets"
        self.canary = 'Canary/q+9"\\z%' + secrets.token_hex(16)
        self.emulator = InterruptedEmulator(PARTNER)
        self.emulator.start()
        self.organization = self.emulator.add_organization("Acme")
        self.users = {name: self._user(name) for name in ("example", "mapped", "rotation", *self.cases)}
        self.sites = {case.name: servers.site(case.store) for case in self.cases.values() if case.store}
        self.airflow = self._airflow(database)
        for case in self.cases.values():
            self._furnish(case)
        for case in self.cases.values():
            for fault in case.faults:
                self.emulator.inject(self._aimed(case, fault))

    def close(self) -> None:
        """Stop the emulator; its state stays readable."""
        self.emulator.stop()

    def ids(self, name: str) -> dict[str, str]:
        """Return the ids of one user, as an operator takes them."""
        return {"org_id": self.organization.id, "user_id": self.users[name].id}

    def conf(self, example: str) -> dict[str, Any]:
        """Return the parameters that an example DAG is run with."""
        nobody = {"name": "nobody", **self.ids("mapped"), "user_id": "00000000-0000-4000-8000-000000000000"}
        confs: dict[str, dict[str, Any]] = {
            ISSUE: self.ids("example"),
            ISSUE_MANY: {"customers": [{"name": "mapped", **self.ids("mapped")}, nobody]},
            ONBOARDING: GLOBEX,
            ONBOARDING_MANY: {"customers": MANY},
            SELF_CHECK: {},
        }
        if example == OFFBOARDING:
            return self._of_globex()
        return confs[example]

    def stored(self, destination: str, case: Case | None = None) -> str | None:
        """Return the value at a destination: in the files of a secrets backend, in the metastore, or in a store.

        :param case: the case of the destination, if its task has another backend.
        """
        _, kind, name = destination.removeprefix("airflow:").rsplit("/", 2)
        if case and case.store:
            site = self.sites[case.name]
            return site.held_outside(case.name)[0] if case.outside else site.fields(case.name).get("password")
        if case and case.trap == "none":
            rows = self.airflow.query("select val from variable where key = ?", name)
            fernet = Fernet(self.airflow.env["AIRFLOW__CORE__FERNET_KEY"])
            return fernet.decrypt(rows[0][0]).decode() if rows else None
        entry = json.loads(self._file(f"{kind}s", case.name if case and case.trap else None).read_text()).get(name)
        text: str | None = entry["password"] if isinstance(entry, dict) else entry
        return text

    def destination(self, case: Case) -> str:
        """Return the destination of a case."""
        if case.outside:
            return self.sites[case.name].outside.format(conn_id=f"writer_of_{case.name}", name=case.name)
        destination: str = case.given.get("destination", f"airflow://connection/{case.name}")
        return destination

    def record(self, destination: str) -> Path:
        """Return the file of a connection's record in the files of Airflow's secrets backend."""
        conn_id = destination.rpartition("/")[2]
        file = self._file("connections")
        return file.with_name(f"{file.name}.polytomic-issuance") / f"connection.{conn_id}.json"

    def posts(self, user_id: str) -> int:
        """Return the number of requests for a key of a user."""
        return sum(f"/users/{user_id}/keys" in request.path for request in self.emulator.requests)

    def _of_globex(self) -> dict[str, Any]:
        """Return the parameters of the offboarding, from the results of the onboarding."""
        organization, user = (
            self.airflow.xcom(ONBOARDING, "run", f"create_{what}") for what in ("organization", "user")
        )
        named = {
            "org_id": organization["id"],
            "organization": organization["name"],
            "destination": GLOBEX["destination"],
        }
        return {**named, "user_id": user["id"], "email": user["email"], "delete_organization": True}

    def _user(self, name: str) -> User:
        return self.emulator.add_user(self.organization.id, f"{name}@acme.example")

    def _furnish(self, case: Case) -> None:
        site, user_id = self.sites.get(case.name), self.users[case.name].id
        if site is None:
            return
        if case.stocked and case.outside:
            site.put_outside(case.name, self.emulator.give_key(user_id), "another team")
        elif case.stocked:
            key = self.emulator.give_key(user_id)
            site.put(case.name, {"conn_type": "polytomic", "host": self.emulator.base_url, "password": key})
        if case.meanwhile == "denied":
            self.emulator.before_key_of(user_id, site.deny)
        elif case.meanwhile == "foreign":
            self.emulator.before_key_of(user_id, lambda: site.put(case.name, FOREIGN))

    def _aimed(self, case: Case, fault: Fault) -> Fault:
        known = {PARTNER_KEY: json.dumps(PARTNER)[1:-1], OTHER_USER: self.users["example"].id}
        body = fault.body
        for name, text in known.items():
            body = body and body.replace(name, text)
        return replace(fault, user=self.users[case.name].id, body=body)

    def _file(self, kind: str, case: str | None = None) -> Path:
        return self.secrets / (f"of_{case}" if case else "") / f"{kind}.json"

    def _airflow(self, database: Path) -> AirflowProcess:
        issuing = {"conn_type": "polytomic", "host": self.emulator.base_url, "password": PARTNER}
        env = local_secrets(self.secrets) | {
            "AIRFLOW_CONN_POLYTOMIC_DEFAULT": json.dumps(issuing),
            "LEAK_CANARY": self.canary,
            "PYTHONPATH": with_fake_distribution(private_folder(self.root / "metadata"))["PYTHONPATH"],
            # Temporary files are scanned, too.
            "TMPDIR": str(private_folder(self.root / "tmp")),
        }
        for case in self.cases.values():
            if case.outside:
                env[f"AIRFLOW_CONN_WRITER_OF_{case.name.upper()}"] = self.sites[case.name].connection()
        self._file("connections").write_text(json.dumps({"warehouse": FOREIGN}))
        airflow = AirflowProcess(self.root / "airflow", dags_folder=self._dags(), log_level=self.log_level, env=env)
        shutil.copy(database, airflow.database)
        shutil.copy(Path(__file__).with_name("airflow_local_settings.py"), private_folder(airflow.home / "config"))
        return airflow

    def _dags(self) -> Path:
        dags = private_folder(self.root / "dags")
        for example in EXAMPLES:
            file = f"{example}.py"
            (dags / file).write_text(for_this_airflow((ROOT / "dags_examples" / file).read_text()))
        shutil.copy(Path(__file__).parent / "dags" / "leak_cases.py", dags)
        content: dict[str, Any] = {
            "cases": [self._arguments(case) for case in self.cases.values()],
            "careless": {
                f"careless_with_{name}": {case: self._use(self.cases[case]) for case in cases}
                for name, cases in CARELESS.items()
            },
            "rotation": {**self.ids("rotation"), "destination": "airflow://connection/rotation"},
        }
        content["errors"] = str(private_folder(self.root / "errors"))
        (dags / "leak_cases.json").write_text(json.dumps(content))
        return dags

    def _settings(self, case: Case) -> str | None:
        """Return the file with the task's own settings of Airflow; None if it has none."""
        if case.trap == "none":
            settings: dict[str, str] = {}
        elif case.trap:
            settings = meddling(case.trap, self._file("connections", case.name))
        elif case.store and not case.outside:
            settings = self.sites[case.name].settings()
        else:
            return None
        file = private_folder(self.secrets / f"of_{case.name}") / "settings.json"
        file.write_text(json.dumps(settings))
        return str(file)

    def _use(self, case: Case) -> tuple[str, str | None]:
        return self.destination(case), self._settings(case)

    def _arguments(self, case: Case) -> dict[str, Any]:
        return {
            "task_id": case.name,
            **self.ids(case.name),
            **case.given,
            "destination": self.destination(case),
            "settings": self._settings(case),
        }
