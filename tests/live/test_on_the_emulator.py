"""The live smoke test, run as by ``make test-live``, but against the emulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.live.test_live import PARTNER_KEY, SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
(RECIPE,) = re.findall(
    r"^test-live:.*\n\t\$\(RUN\) -m (pytest .*) \$\(ARGS\)", (ROOT / "Makefile").read_text(), re.MULTILINE
)


@pytest.fixture
def emulator() -> Iterator[PolytomicEmulator]:
    with PolytomicEmulator() as emulator:
        yield emulator


def run_live(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the live test with these variables, and its temporary files in this folder."""
    environ = {name: value for name, value in os.environ.items() if name not in {SERVER, PARTNER_KEY}}
    return subprocess.run(
        [sys.executable, "-m", *RECIPE.split(), "-p", "no:cacheprovider"],
        env=environ | {"TMPDIR": str(folder)} | variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def assert_nothing_is_left(emulator: PolytomicEmulator, folder: Path, printed: str) -> None:
    """Assert that the server is empty, and that no key was printed or is in a file."""
    assert [organization.id for organization in emulator.organizations()] == [emulator.owner.id]
    files = [file.read_bytes().decode(errors="replace") for file in folder.rglob("*") if file.is_file()]
    for key in [*emulator.all_keys(), emulator.partner_key]:
        assert not [text for text in (printed, *files) if key in text]


def test_a_whole_round_passes_and_leaves_nothing(emulator: PolytomicEmulator, tmp_path: Path):
    done = run_live(tmp_path, **{SERVER: emulator.base_url, PARTNER_KEY: emulator.partner_key})
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert emulator.minted() == 2
    assert_nothing_is_left(emulator, tmp_path, done.stdout)


def test_a_round_that_fails_half_way_removes_what_it_has_created(emulator: PolytomicEmulator, tmp_path: Path):
    emulator.inject("status:422 endpoint=create_api_key skip=1 times=always")
    done = run_live(tmp_path, **{SERVER: emulator.base_url, PARTNER_KEY: emulator.partner_key})
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert emulator.minted() == 1
    assert_nothing_is_left(emulator, tmp_path, done.stdout)


def test_without_the_variables_it_is_skipped_and_says_which(tmp_path: Path):
    done = run_live(tmp_path)
    assert done.returncode == 0
    assert "1 skipped" in done.stdout
    assert f"not set: {SERVER}, {PARTNER_KEY}" in done.stdout
