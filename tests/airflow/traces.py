"""What has an Airflow left of a secret, and which of that is its own doing? Everything that it wrote is searched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.airflow.store_cases import READ_BY_AIRFLOW
from tests.dag_runs.interfering_backend import DATABASE_PASSWORD
from tools.airflow_sandbox.leak_scan import Finding, LeakScan

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.airflow.run import AirflowRun

__all__ = ["Traces", "is_only_masking", "is_only_read", "secrets_of", "traces_of"]

# What 3.3's `dags test` prints at DEBUG of everything that is to be masked, the value in clear.
_MASK_SECRET = re.compile(r"MaskSecret\(value=(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")

# What botocore prints at DEBUG of an answer of AWS's. Our stores keep it from that, Airflow's own backends do not.
_ANSWER = re.compile(r"Response body:(?:\n|\\n)b'.*'")


@dataclass(frozen=True)
class Traces:
    """Where the secrets are.

    :param leaks: where they must not be.
    :param allowed: lines of Airflow's own that hold them, and nowhere but in ``MaskSecret(value=...)``.
    :param reads: lines of botocore's that hold keys which a consumer read with Airflow's own backends, and nowhere but
        in AWS's answer.
    :param searched: the scan, which counts what it has read.
    """

    leaks: list[Finding]
    allowed: list[Finding]
    reads: list[Finding]
    searched: LeakScan


def secrets_of(flight: AirflowRun) -> list[str]:
    """Return what must be nowhere: every key that ever was, the password that a mistyped destination named, and what
    opens the stores.
    """
    of_stores = {secret for site in flight.stage.sites.values() for secret in site.secrets}
    return [*flight.stage.emulator.all_keys(), DATABASE_PASSWORD, *of_stores]


def traces_of(flight: AirflowRun, secrets: list[str]) -> Traces:
    """Search the home of Airflow (logs, consoles, database with its journals), the DAGs, temporary files, every row of
    the database, the arguments of processes and the URLs that were asked for. Only the secrets files are left out.
    """
    stage, scan = flight.stage, LeakScan(secrets)
    scan.folder(stage.root, leave_out=[stage.secrets])
    scan.database(stage.airflow.database)
    scan.text("arguments of processes", "\n".join(sorted(flight.arguments)))
    scan.text("URLs", "\n".join(f"{request.path} {dict(request.query)}" for request in stage.emulator.requests))
    read = {key for case in READ_BY_AIRFLOW for key in stage.emulator.keys_of(stage.users[case].id)}
    allowed = [found for found in scan.findings if is_only_masking(found, secrets)]
    reads = [found for found in scan.findings if found not in allowed and is_only_read(found, secrets, read)]
    leaks = [found for found in scan.findings if found not in allowed and found not in reads]
    return Traces(leaks, allowed, reads, scan)


def is_only_masking(found: Finding, secrets: Collection[str]) -> bool:
    """Whether the line tells a secret by Airflow's ``MaskSecret(value=...)`` alone."""
    return _tells_nothing(_MASK_SECRET.sub("", _lines(found)[1]), secrets)


def is_only_read(found: Finding, secrets: Collection[str], read: Collection[str]) -> bool:
    """Whether the line tells a secret by botocore's print of an answer alone, and only one that a consumer has read.

    :param read: those, as Airflow's own backends have read them from AWS.
    """
    # On consoles, the answer is on a line of its own.
    before, line = _lines(found)
    text = f"{before}\n{line}" if before.endswith("Response body:") else line
    return _tells_nothing(_ANSWER.sub("", text), secrets) and _tells_nothing(line, set(secrets) - set(read))


def _lines(found: Finding) -> tuple[str, str]:
    """Return the line before it and its own; of a row of a table, nothing, which no allowance is for."""
    path = Path(found.place)
    if not path.is_file():
        return "", ""
    lines = path.read_bytes().split(b"\n")
    before = lines[found.line - 2] if found.line > 1 else b""
    return before.decode(errors="replace"), lines[found.line - 1].decode(errors="replace")


def _tells_nothing(text: str, secrets: Collection[str]) -> bool:
    rest = LeakScan(secrets)
    rest.text("rest of the line", text)
    return bool(text) and not rest.findings
