"""Search of everything that an Airflow has written for secrets, and which matches are Airflow's own."""

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

# Line that `dags test` of 3.3 logs at DEBUG for each value to mask, with the value in plain text.
_MASK_SECRET = re.compile(r"MaskSecret\(value=(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")

# Line that botocore logs at DEBUG for a response. Our stores suppress it, Airflow's own backends do not.
_ANSWER = re.compile(r"Response body:(?:\n|\\n)b'.*'")


@dataclass(frozen=True)
class Traces:
    """Matches of the search.

    :param leaks: matches that are not allowed.
    :param allowed: lines of Airflow with a secret only in ``MaskSecret(value=...)``.
    :param reads: lines of botocore with a key only in AWS's response to a read of Airflow's own backends.
    :param searched: the scan, which counts what it has read.
    """

    leaks: list[Finding]
    allowed: list[Finding]
    reads: list[Finding]
    searched: LeakScan


def secrets_of(airflow_run: AirflowRun) -> list[str]:
    """Return the secrets to search for: all keys, the password at a wrong destination, and credentials of stores."""
    of_stores = {secret for site in airflow_run.deployment.sites.values() for secret in site.secrets}
    return [*airflow_run.deployment.emulator.all_keys(), DATABASE_PASSWORD, *of_stores]


def traces_of(airflow_run: AirflowRun, secrets: list[str]) -> Traces:
    """Return where the secrets appear in anything except the secrets files.

    The search covers the home of Airflow (logs, consoles, database with its journals), the DAGs, temporary files, every
    row of the database, the arguments of processes and the requested URLs.
    """
    deployment, scan = airflow_run.deployment, LeakScan(secrets)
    scan.folder(deployment.root, leave_out=[deployment.secrets])
    scan.database(deployment.airflow.database)
    scan.text("arguments of processes", "\n".join(sorted(airflow_run.arguments)))
    scan.text("URLs", "\n".join(f"{request.path} {dict(request.query)}" for request in deployment.emulator.requests))
    read = {key for case in READ_BY_AIRFLOW for key in deployment.emulator.keys_of(deployment.users[case].id)}
    allowed = [found for found in scan.findings if is_only_masking(found, secrets)]
    reads = [found for found in scan.findings if found not in allowed and is_only_read(found, secrets, read)]
    leaks = [found for found in scan.findings if found not in allowed and found not in reads]
    return Traces(leaks, allowed, reads, scan)


def is_only_masking(found: Finding, secrets: Collection[str]) -> bool:
    """Return whether the line has a secret only in Airflow's ``MaskSecret(value=...)``."""
    return _has_no_secret(_MASK_SECRET.sub("", _lines(found)[1]), secrets)


def is_only_read(found: Finding, secrets: Collection[str], read: Collection[str]) -> bool:
    """Return whether the line has a secret only in a response that botocore logged, and only one that a consumer read.

    :param read: secrets that Airflow's own backends have read from AWS.
    """
    # On consoles, the response has its own line.
    before, line = _lines(found)
    text = f"{before}\n{line}" if before.endswith("Response body:") else line
    return _has_no_secret(_ANSWER.sub("", text), secrets) and _has_no_secret(line, set(secrets) - set(read))


def _lines(found: Finding) -> tuple[str, str]:
    """Return the line of a match and the line before; empty for a row of a table, which has no exception."""
    path = Path(found.place)
    if not path.is_file():
        return "", ""
    lines = path.read_bytes().split(b"\n")
    before = lines[found.line - 2] if found.line > 1 else b""
    return before.decode(errors="replace"), lines[found.line - 1].decode(errors="replace")


def _has_no_secret(text: str, secrets: Collection[str]) -> bool:
    rest = LeakScan(secrets)
    rest.text("rest of the line", text)
    return bool(text) and not rest.findings
