"""Exceptions of the search: a secret only in Airflow's own ``MaskSecret(value=...)`` or in AWS's response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow.traces import is_only_masking, is_only_read
from tools.airflow_sandbox.leak_scan import LeakScan

if TYPE_CHECKING:
    from pathlib import Path

    from tools.airflow_sandbox.leak_scan import Finding

KEY = 'it\'s "a" se\\cret-0123456789'
OTHER = "another-secret-9876543210"
MASKING = f"Sending request msg=MaskSecret(value={KEY!r}, name=None)"


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        (MASKING, [True]),
        (f"{MASKING} {MASKING}", [True]),
        ("nothing", []),
        (KEY, [False]),
        (f"{MASKING} {KEY}", [False]),
        (f"PutVariable(value={KEY!r})", [False]),
        (f"MaskSecret(name=None) {KEY}", [False]),
    ],
)
def test_a_line_is_allowed_for_its_masking_alone(tmp_path: Path, line: str, allowed: list[bool]) -> None:
    assert [is_only_masking(found, [KEY]) for found in _found(tmp_path, line, [KEY])] == allowed


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        (f"Response body:\nb'{{{KEY}}}' [botocore.parsers]", [True]),
        (f'{{"event":"Response body:\\nb\'{{{KEY}}}\'"}}', [True]),
        (f"Response body:\nb'{{{KEY}}}' {KEY}", [False]),
        (f"Response body:\nb'{{{KEY}}} {OTHER}'", [False]),
        (f"Response body:\nb'{{{OTHER}}}'", [False]),
        (f"Making request with\nb'{{{KEY}}}'", [False]),
        (f"b'{{{KEY}}}'", [False]),
    ],
)
def test_a_line_is_allowed_for_the_answer_to_a_consumers_read_alone(
    tmp_path: Path, lines: str, allowed: list[bool]
) -> None:
    assert [is_only_read(found, [KEY, OTHER], [KEY]) for found in _found(tmp_path, lines, [KEY, OTHER])] == allowed


def _found(folder: Path, lines: str, secrets: list[str]) -> list[Finding]:
    console = folder / "console.log"
    console.write_text(f"before\n{lines}\nafter\n")
    scan = LeakScan(secrets)
    scan.text(str(console), console.read_text())
    return scan.findings
