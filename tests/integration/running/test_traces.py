"""Is a line allowed only if nothing but Airflow's own ``MaskSecret(value=...)`` in it tells a secret?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.leak_scan import LeakScan
from tests.integration.running.traces import is_only_masking

if TYPE_CHECKING:
    from pathlib import Path

KEY = 'it\'s "a" se\\cret-0123456789'
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
    console = tmp_path / "console.log"
    console.write_text(f"before\n{line}\nafter\n")
    scan = LeakScan([KEY])
    scan.text(str(console), console.read_text())
    assert [is_only_masking(found, [KEY]) for found in scan.findings] == allowed
