"""Shards: they partition the targets, and memory stays small for many targets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_polytomic._batch.targets import read_targets, shard_index
from airflow_provider_polytomic._issuance.targets import Target
from tests.unit.batch.target_rows import ISSUING, json_lines, numbers, read, row, user, written

ROOT = str(Path(__file__).parents[3])
SHARDS_OF_SEVEN = [3, 4, 1, 6, 5, 2, 2, 2, 3, 3, 1, 6, 4, 3, 3, 0]
SOME_TARGETS = [Target(str(UUID(int=5)), str(UUID(int=each))) for each in range(16)]


@settings(deadline=None)
@given(users=st.lists(st.integers(0, 10**9), min_size=1, max_size=60, unique=True), shards=st.integers(1, 20))
def test_the_shards_are_disjoint_and_make_up_the_whole_in_its_order(users: list[int], shards: int) -> None:
    rows = [row(each) for each in users]
    found = [numbers(read(rows, shard=shard, shards=shards)) for shard in range(shards)]
    assert sorted(each for shard in found for each in shard) == sorted(users)
    for shard in found:
        assert shard == [each for each in users if each in set(shard)]


def test_a_shard_knows_how_many_there_are_in_all(tmp_path: Path) -> None:
    address = written(tmp_path, "targets.jsonl", json_lines(row(number) for number in range(1000)))
    sizes = []
    for shard in range(8):
        targets = read_targets(address, shard=shard, shards=8, conn_id=ISSUING)
        assert (targets.total, targets.shard, targets.shards) == (1000, shard, 8)
        assert str(targets.file) == address
        assert len(list(targets)) == len(targets)
        sizes.append(len(targets))
    assert sum(sizes) == 1000
    # The chance of a smaller shard is one in many billions.
    assert min(sizes) > 60


def test_the_shard_of_a_target_is_the_same_in_every_process_and_version() -> None:
    assert [shard_index(target, 7) for target in SOME_TARGETS] == SHARDS_OF_SEVEN
    program = (
        "from uuid import UUID; from airflow_provider_polytomic._issuance.targets import Target;"
        "from airflow_provider_polytomic._batch.targets import shard_index;"
        "print([shard_index(Target(str(UUID(int=5)), str(UUID(int=each))), 7) for each in range(16)])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "12", "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(SHARDS_OF_SEVEN)


# Not ru_maxrss: on Linux it starts with the memory of the parent process.
PEAK = """
import sys
from pathlib import Path
from airflow_provider_polytomic._batch.report import Outcome, Report
from airflow_provider_polytomic._batch.targets import read_targets

for address in sys.argv[2:]:
    targets = read_targets(address, conn_id="polytomic_default")
    with Report(sys.argv[1], server="x", targets=len(targets)) as report:
        for each in targets:
            report.add(Outcome(each, "failed", error="SecretStoreDeniedError", message="x" * 300))
    status = Path("/proc/self/status").read_text()
    print(report.summary()["failed"], next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process its peak of memory")
def test_a_hundred_thousand_targets_take_at_most_a_hundred_megabytes_more_than_a_thousand(tmp_path: Path) -> None:
    addresses = []
    for count in (1_000, 100_000):
        rows = (row(number, standby_user_id=user(10**6 + number)) for number in range(count))
        addresses.append(written(tmp_path, f"{count}.jsonl", json_lines(rows)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PEAK, str(tmp_path / "report.jsonl"), *addresses],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    measured = [[int(number) for number in line.split()] for line in done.stdout.splitlines()[-2:]]
    print(f"targets, peak in KiB: {measured}")
    (few, low), (many, high) = measured
    assert (few, many) == (1_000, 100_000)
    assert 0 < high - low < 100_000_000 / 1024
