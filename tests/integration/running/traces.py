"""What has an Airflow left of a secret, and which of that is its own doing? Everything that it wrote is searched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demo.leak_scan import Finding, LeakScan
from tests.integration.running.meddling_backend import DATABASE_PASSWORD

if TYPE_CHECKING:
    from tests.integration.running.flight import Flight

__all__ = ["Traces", "is_only_masking", "secrets_of", "traces_of"]

# What 3.3's `dags test` prints at DEBUG of everything that is to be masked, the value in clear.
_MASK_SECRET = re.compile(r"MaskSecret\(value=(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")


@dataclass(frozen=True)
class Traces:
    """Where the secrets are.

    :param leaks: where they must not be.
    :param allowed: lines of Airflow's own that hold them, and nowhere but in ``MaskSecret(value=...)``.
    :param searched: the scan, which counts what it has read.
    """

    leaks: list[Finding]
    allowed: list[Finding]
    searched: LeakScan


def secrets_of(flight: Flight) -> list[str]:
    """Return what must be nowhere: every key that ever was, and the password that a mistyped destination named."""
    return [*flight.stage.emulator.all_keys(), DATABASE_PASSWORD]


def traces_of(flight: Flight, secrets: list[str]) -> Traces:
    """Search the home of Airflow (logs, consoles, database with its journals), the DAGs, temporary files, every row of
    the database, the arguments of processes and the URLs that were asked for. Only the secrets files are left out.
    """
    stage, scan = flight.stage, LeakScan(secrets)
    scan.folder(stage.root, leave_out=[stage.secrets])
    scan.database(stage.airflow.database)
    scan.text("arguments of processes", "\n".join(sorted(flight.arguments)))
    scan.text("URLs", "\n".join(f"{request.path} {dict(request.query)}" for request in stage.emulator.requests))
    allowed = [found for found in scan.findings if is_only_masking(found, secrets)]
    return Traces([found for found in scan.findings if found not in allowed], allowed, scan)


def is_only_masking(found: Finding, secrets: list[str]) -> bool:
    """Whether the line tells a secret by Airflow's ``MaskSecret(value=...)`` alone."""
    path = Path(found.place)
    if not path.is_file():  # a row of a table
        return False
    line = path.read_bytes().split(b"\n")[found.line - 1].decode(errors="replace")
    rest = LeakScan(secrets)
    rest.text("rest of the line", _MASK_SECRET.sub("", line))
    return not rest.findings
